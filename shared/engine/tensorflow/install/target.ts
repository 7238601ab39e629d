/** @file The systems that the native engine can be built for, and what differs between them. */
import { TesseraError } from '../../../errors.ts'
import { ARM64, type Processor, readProcessor, X64_V3 } from '../processor.ts'

/** The machine as far as the installer asks. */
export interface Machine {
  readonly platform: string
  readonly arch: string
  /** Version of glibc; null with another C library (musl) or another system. */
  readonly glibc: string | null
  readonly processor: Processor
  readonly cores: number
}

/** One system that TensorFlow is published for. */
export interface Target {
  readonly name: 'linux-x64' | 'linux-arm64' | 'darwin-arm64'
  /** Name of the package that holds TensorFlow for processors only. */
  readonly cpuPackage: 'tensorflow-cpu' | 'tensorflow'
  /** A package with CUDA exists. */
  readonly gpu: boolean
  /** Platform tags that pip may choose from, newest first. */
  readonly tags: readonly string[]
  /** Platform tag that a wheel's file name must end in. */
  readonly wheelTag: RegExp
  /** TensorFlow's two libraries as the wheel names them. */
  readonly libraries: readonly [string, string]
  /** Flag that lets the compiler use all of this processor. */
  readonly machine: string
  /** The same for an engine that goes to other machines, and the processors that it then fits; null where nobody has needed one. */
  readonly portable: { readonly machine: string; readonly processor: Processor } | null
  /** What is built to be linked against in place of the libraries; nothing where the libraries themselves are. */
  readonly stubs: (folder: string) => readonly { readonly args: readonly string[]; readonly title: string }[]
  /** Arguments of the linker, after the objects. */
  readonly link: (folders: { readonly lib: string; readonly stubs: string }) => readonly string[]
  /** The same for an addon that does not need TensorFlow. */
  readonly linkAlone: readonly string[]
  /** Size of the wheel, for the time left only. */
  readonly wheelBytes: number
}

const LINUX_LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'] as const
/**
 * Empty libraries with TensorFlow's names: a linker reads all 0.8 GB of the real ones (10 to 30 s) only to note their names. A function that
 * they do not have is found when the addon is loaded for its check, for which -z now resolves all of them at once.
 */
const stubsOnLinux = (folder: string): { args: string[]; title: string }[] =>
  LINUX_LIBRARIES.map((name) => ({
    args: [
      '-shared',
      '-nostdlib',
      '-x',
      'c++',
      '/dev/null',
      `-Wl,-soname,${name}`,
      '-o',
      `${folder}/${name}`,
    ],
    title: name,
  }))
const linkOnLinux = ({ stubs }: { stubs: string }): string[] => [
  '-shared',
  `-L${stubs}`,
  // The stubs have no symbols: a linker that leaves out unused libraries would leave out both.
  '-Wl,--no-as-needed',
  ...LINUX_LIBRARIES.map((name) => `-l:${name}`),
  '-Wl,-z,now',
  '-Wl,-rpath,$ORIGIN/lib',
]

const TARGETS: readonly Target[] = [
  {
    name: 'linux-x64',
    cpuPackage: 'tensorflow-cpu',
    gpu: true,
    tags: ['manylinux_2_28_x86_64', 'manylinux_2_27_x86_64', 'manylinux_2_17_x86_64', 'manylinux2014_x86_64'],
    wheelTag: /manylinux\w*_x86_64$/,
    libraries: LINUX_LIBRARIES,
    machine: '-march=native',
    portable: { machine: '-march=x86-64-v3', processor: X64_V3 },
    stubs: stubsOnLinux,
    link: linkOnLinux,
    linkAlone: ['-shared'],
    wheelBytes: 274e6,
  },
  {
    name: 'linux-arm64',
    cpuPackage: 'tensorflow',
    gpu: false,
    tags: [
      'manylinux_2_28_aarch64',
      'manylinux_2_27_aarch64',
      'manylinux_2_17_aarch64',
      'manylinux2014_aarch64',
    ],
    wheelTag: /manylinux\w*_aarch64$/,
    libraries: LINUX_LIBRARIES,
    machine: '-mcpu=native',
    portable: { machine: '-march=armv8-a', processor: ARM64 },
    stubs: stubsOnLinux,
    link: linkOnLinux,
    linkAlone: ['-shared'],
    wheelBytes: 282e6,
  },
  {
    name: 'darwin-arm64',
    cpuPackage: 'tensorflow',
    gpu: false,
    tags: ['macosx_12_0_arm64'],
    wheelTag: /macosx_\w*_arm64$/,
    libraries: ['libtensorflow_cc.2.dylib', 'libtensorflow_framework.2.dylib'],
    machine: '-mcpu=native',
    portable: null,
    stubs: () => [],
    // A bundle takes what Node gives (N-API) when it is loaded; the libraries' own names begin with @rpath.
    link: ({ lib }) => [
      '-bundle',
      '-undefined',
      'dynamic_lookup',
      `${lib}/libtensorflow_cc.2.dylib`,
      `${lib}/libtensorflow_framework.2.dylib`,
      '-Wl,-rpath,@loader_path/lib',
    ],
    linkAlone: ['-bundle', '-undefined', 'dynamic_lookup'],
    wheelBytes: 223e6,
  },
]

/** TensorFlow's wheels are built for this glibc. */
const OLDEST_GLIBC = [2, 27] as const

/** This machine. */
export function readMachine(cores: number): Machine {
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  return {
    platform: process.platform,
    arch: process.arch,
    glibc: report.header.glibcVersionRuntime ?? null,
    processor: readProcessor(),
    cores,
  }
}

/**
 * What the engine is built for on a machine.
 * @throws {TesseraError} ERR_ENGINE_PLATFORM if TensorFlow is not published for it, or needs what its processor does not have.
 */
export function targetOf({ platform, arch, glibc, processor }: Machine, gpu: boolean): Target {
  const name = `${platform}-${arch}`
  const target = TARGETS.find((one) => one.name === name)
  if (target === undefined) {
    throw refused(`system must be one of ${TARGETS.map((one) => one.name).join(', ')}, got ${name}`)
  }
  if (platform === 'linux') checkGlibc(glibc)
  const { features } = processor
  // No list of features: nothing is known, and the check at the end will tell.
  if (arch === 'x64' && features.length > 0 && !features.includes('avx')) {
    throw refused('processor must have AVX, got one without')
  }
  if (gpu && !target.gpu) throw refused(`system must be linux-x64 for --gpu, got ${name}`)
  return target
}

/**
 * The target for an engine that goes to other machines of its kind, and what these have at least.
 * @throws {TesseraError} ERR_ENGINE_PLATFORM where that is not known.
 */
export function portableTarget(target: Target): { target: Target; processor: Processor } {
  if (target.portable === null) throw refused(`system must be Linux for --portable, got ${target.name}`)
  const { machine, processor } = target.portable
  return { target: { ...target, machine }, processor }
}

function checkGlibc(glibc: string | null): void {
  const rule = `C library must be glibc ${OLDEST_GLIBC.join('.')} or newer`
  if (glibc === null) throw refused(`${rule}, got another one (musl?)`)
  const [major = 0, minor = 0] = glibc.split('.').map(Number)
  const [wantMajor, wantMinor] = OLDEST_GLIBC
  if (major < wantMajor || (major === wantMajor && minor < wantMinor))
    throw refused(`${rule}, got glibc ${glibc}`)
}

function refused(message: string): TesseraError {
  return new TesseraError('ERR_ENGINE_PLATFORM', message)
}
