/** @file `tessera engine install|remove`: the native engine. */
import { availableParallelism } from 'node:os'
import { systemClock } from '@tessera/shared/clock'
import {
  createRun,
  engineFolder,
  freeBytes,
  INSTALL_STEPS,
  type InstallOutcome,
  installEngine,
  NPM_PACKAGE,
  readMachine,
  removeEngine,
} from '@tessera/shared/engine/install'
import { createProgress } from '@tessera/shared/stage-progress'
import { untilStopped } from '@tessera/shared/until-stopped'
import type { Command } from 'commander'

const DESCRIPTION = `Builds the native engine: TensorFlow, several times as fast as the one that comes with Tessera.

It fetches the npm package @tensorflow/tfjs-node-gpu (0.2 MB) with npm and TensorFlow's wheel (0.3 GB) with pip,
compiles the addon with this machine's C++ compiler, lets it compute, and puts it in place only when all is well.
Nothing is installed outside of the engine's folder. Takes a minute; run again, it says that all is there or
renews what has changed. Needs: a C++ compiler; pip, or the wheel as a file.

Environment: TESSERA_ENGINE_DIR  the engine's folder, by default ~/.cache/tessera/engine
             CXX                 the compiler, by default the first of g++, clang++, c++`

const EXAMPLE = `
Example:
  $ tessera engine install
  $ tessera engine install --wheel tensorflow_cpu-2.21.0-….whl --package tensorflow-tfjs-node-gpu-4.22.0.tgz`

/** TensorFlow that the engine is tried with. */
const DEFAULT_TENSORFLOW = '2.21.0'

interface InstallFlags {
  readonly gpu?: true
  readonly portable?: true
  readonly tensorflow: string
  readonly wheel?: readonly string[]
  readonly package?: string
  readonly fresh?: true
}

/** Adds `engine install` and `engine remove` to the program. */
export function addEngineCommands(program: Command): void {
  const engine = program
    .command('engine')
    .summary('install or remove the native engine')
    .description('Installs or removes the native engine.')
  engine
    .command('install')
    .summary('build the native engine for this machine')
    .description(DESCRIPTION)
    .option('--gpu', 'with CUDA (Linux x64; written, but not tried on a GPU yet)')
    .option('--portable', 'for other machines too: x86-64-v3 (2013 and later), or any 64-bit ARM')
    .option('--tensorflow <version>', 'version of TensorFlow', DEFAULT_TENSORFLOW)
    .option('--wheel <file...>', 'the wheel as a file; for --gpu followed by the nvidia ones')
    .option('--package <file>', 'the npm package as a file')
    .option('--fresh', 'fetch and build all of it again, whatever is there')
    .addHelpText('after', EXAMPLE)
    .action(install)
  engine
    .command('remove')
    .summary('remove the native engine')
    .description('Removes the native engine and all its files. Tessera then runs on WebAssembly again.')
    .addHelpText('after', '\nExample:\n  $ tessera engine remove')
    .action(remove)
}

async function install(flags: InstallFlags): Promise<void> {
  const folder = engineFolder(process.env)
  const columns = process.stderr.isTTY ? process.stderr.columns : null
  const progress = createLazyProgress(columns)
  try {
    const outcome = await untilStopped((signal) =>
      installEngine(
        {
          folder,
          version: flags.tensorflow,
          gpu: flags.gpu === true,
          portable: flags.portable === true,
          wheels: flags.wheel ?? [],
          npmPackage: NPM_PACKAGE,
          tarball: flags.package ?? null,
          fresh: flags.fresh === true,
        },
        {
          run: createRun(signal),
          machine: readMachine(availableParallelism()),
          env: process.env,
          node: process.execPath,
          clock: systemClock,
          signal,
          steps: progress,
          freeBytes,
        },
      ),
    )
    progress.close()
    process.stdout.write(describe(outcome, folder))
  } finally {
    progress.close()
  }
}

/** A progress display that first shows when a step starts: an engine that is installed already shows none. */
function createLazyProgress(columns: number | null) {
  type Display = ReturnType<typeof createProgress>
  let display: Display | null = null
  const shown = (): Display =>
    (display ??= createProgress(
      INSTALL_STEPS,
      { write: (text) => void process.stderr.write(text), columns },
      systemClock,
    ))
  return {
    start: (name: string) => shown().start(name),
    report: (name: string, state: { done: number; text: string }) => shown().report(name, state),
    finish: (name: string, seconds: number, kept: boolean) => shown().finish(name, seconds, kept),
    close: () => {
      display?.close()
      display = null
    },
  }
}

function describe({ installed, manifest, reasons }: InstallOutcome, folder: string): string {
  const { tensorflow, compiler, gpu, files, headers } = manifest
  const bytes = Object.values(files).reduce((sum, file) => sum + file.bytes, headers.bytes)
  const what = `TensorFlow ${tensorflow.version}${gpu ? ' with CUDA' : ''}, ${compiler.version}, ${Math.round(bytes / 1e6)} MB`
  const renewed = reasons.length > 0 ? `renewed because ${reasons.join(', ')}\n` : ''
  const state = installed ? 'installed' : 'already installed, and whole'
  return `${renewed}native engine ${state}: ${what}\n${folder}\n`
}

async function remove(): Promise<void> {
  const folder = engineFolder(process.env)
  const removed = await removeEngine(folder)
  process.stdout.write(removed ? `native engine removed: ${folder}\n` : `no native engine: ${folder}\n`)
}
