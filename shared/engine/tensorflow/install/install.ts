/** @file Installs the native engine: fetch, unpack, compile, check, and only then put in place. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Clock } from '../../../clock.ts'
import { TesseraError } from '../../../errors.ts'
import { type EngineManifest, PACKAGE_FOLDER, readManifest } from '../folder.ts'
import { featureHash } from '../processor.ts'
import { compileFlags, planBuild } from './build-plan.ts'
import { checkEngine } from './check.ts'
import { compileEngine } from './compile.ts'
import { findCompiler } from './compiler.ts'
import { BUILT_FILES, differencesOf, type Parts, type WantedEngine, wholeParts } from './differences.ts'
import { asDiskFailure, checkRoom } from './disk.ts'
import { hashFile } from './hash.ts'
import { bringPackage, bringTensorFlow, type TensorFlowFacts } from './parts.ts'
import { interrupted, type Run } from './run.ts'
import { packageSources, readSources } from './sources.ts'
import type { StepName, StepReports } from './steps.ts'
import {
  checkOurs,
  clearLeftovers,
  createWorkplace,
  isProcessAlive,
  putInPlace,
  removeFolder,
} from './swap.ts'
import { type Machine, portableTarget, targetOf } from './target.ts'
import type { NpmPackage } from './unpack-package.ts'
import { versionOfWheel } from './wheel-name.ts'
import { writeManifest } from './write-manifest.ts'

export interface InstallRequest {
  /** Where the engine is to lie. */
  readonly folder: string
  /** Version of TensorFlow; a wheel that is given says its own. */
  readonly version: string
  readonly gpu: boolean
  /** For other machines too: uses what a whole family of processors has, and not all that this one has. */
  readonly portable: boolean
  /** Wheels as files: TensorFlow's first, for a GPU followed by those of CUDA. Empty: pip fetches them. */
  readonly wheels: readonly string[]
  /** What the back end and its C++ source come from. */
  readonly npmPackage: NpmPackage
  /** The npm package as a file. Null: npm fetches it. */
  readonly tarball: string | null
  /** Fetches and builds everything anew, whatever is there. */
  readonly fresh: boolean
}

/** What the installer does to the world, and what it knows of it. */
export interface InstallWorld {
  readonly run: Run
  readonly machine: Machine
  readonly env: Readonly<Record<string, string | undefined>>
  /** Program that the finished addon is checked with. */
  readonly node: string
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly steps: StepReports
  readonly freeBytes: (folder: string) => Promise<number>
}

export interface InstallOutcome {
  readonly installed: boolean
  readonly manifest: EngineManifest
  /** Why an engine that was there did not do; empty when there was none, or when it does. */
  readonly reasons: readonly string[]
}

/**
 * Installs the engine, or finds that it is installed. What can be kept of an engine that is there is kept. Until the new one has been
 * checked the old one stays as it is.
 * @throws {TesseraError} ERR_ENGINE_…, by what is missing or fails; ERR_INTERRUPTED
 */
export async function installEngine(request: InstallRequest, world: InstallWorld): Promise<InstallOutcome> {
  const { folder, gpu } = request
  const native = { target: targetOf(world.machine, gpu), processor: world.machine.processor }
  const fitted = request.portable ? portableTarget(native.target) : native
  clearLeftovers(folder, isProcessAlive)
  checkOurs(folder)
  const wanted = await wantedEngine(request, world, fitted)
  const before = request.fresh ? NOTHING : await inspect(folder, wanted)
  if (before.manifest !== null && before.reasons.length === 0)
    return { installed: false, manifest: before.manifest, reasons: [] }
  if (!before.usable.tensorflow) checkRoom(await world.freeBytes(folder), gpu)
  const place = await createWorkplace(folder)
  try {
    const manifest = await build(place, request, world, fitted, wanted, before)
    world.signal.throwIfAborted()
    await putInPlace(place, folder)
    return { installed: true, manifest, reasons: before.reasons }
  } catch (thrown) {
    throw world.signal.aborted ? interrupted() : asDiskFailure(thrown)
  } finally {
    await removeFolder(place)
  }
}

/** What is built for, and what that has. */
type Fitted = ReturnType<typeof portableTarget>

interface Before {
  readonly manifest: EngineManifest | null
  readonly reasons: readonly string[]
  /** Parts that are as wanted, and whole. */
  readonly usable: Parts
}

const NOTHING: Before = {
  manifest: null,
  reasons: [],
  usable: { tensorflow: false, package: false, build: false },
}

async function wantedEngine(
  { version, gpu, wheels, npmPackage }: InstallRequest,
  { run, env }: InstallWorld,
  { target, processor }: Fitted,
): Promise<WantedEngine> {
  const [wheel] = wheels
  return {
    version: wheel === undefined ? version : versionOfWheel(wheel, target, gpu),
    wheelHash: wheel === undefined ? null : (await hashFile(wheel)).sha256,
    gpu,
    integrity: npmPackage.integrity,
    platform: target.name,
    compiler: await findCompiler(run, env),
    flags: compileFlags(target),
    features: featureHash(processor),
    sources: (await readSources()).sha256,
  }
}

async function inspect(folder: string, wanted: WantedEngine): Promise<Before> {
  let manifest: EngineManifest | null
  try {
    manifest = readManifest(folder)
  } catch (thrown) {
    if (thrown instanceof TesseraError) return { ...NOTHING, reasons: ['its manifest cannot be read'] }
    throw thrown
  }
  if (manifest === null) return NOTHING
  const differences = differencesOf(manifest, wanted)
  const whole = await wholeParts(folder, manifest)
  const parts = ['tensorflow', 'package', 'build'] as const
  const reasons = parts.flatMap((part) => [
    ...differences[part],
    ...(whole[part] ? [] : [`files of its ${part} are damaged or missing`]),
  ])
  const usable = Object.fromEntries(
    parts.map((part) => [part, whole[part] && differences[part].length === 0]),
  ) as Record<keyof Parts, boolean>
  return { manifest, reasons, usable }
}

async function build(
  place: string,
  request: InstallRequest,
  world: InstallWorld,
  { target, processor }: Fitted,
  wanted: WantedEngine,
  before: Before,
): Promise<EngineManifest> {
  const { run, machine, node, clock, steps } = world
  const step = async <T>(name: StepName, kept: boolean, work: () => Promise<T>): Promise<T> => {
    const startedMs = clock.now()
    steps.start(name)
    const result = await work()
    steps.finish(name, (clock.now() - startedMs) / 1000, kept)
    return result
  }
  const kept = { manifest: before.manifest, folder: request.folder }
  const packageFiles = await step('package', before.usable.package, () =>
    bringPackage(place, request, before.usable.package ? kept : null, run),
  )
  const tensorflow: TensorFlowFacts = await bringTensorFlow(
    place,
    { target, version: wanted.version, gpu: request.gpu, wheels: request.wheels },
    before.usable.tensorflow ? kept : null,
    world,
    step,
  )
  const sources = await readSources()
  const objects = join(place, 'objects')
  await step('compile', false, async () => {
    const plan = planBuild({
      target,
      compiler: wanted.compiler,
      folder: place,
      objects,
      nodeApi: nodeApiHeaders(),
      sources: { ...sources, binding: await packageSources(join(place, PACKAGE_FOLDER)) },
    })
    await compileEngine(run, plan, objects, machine.cores, (done, text) =>
      steps.report('compile', { done, text }),
    )
  })
  await removeFolder(objects)
  return step('check', false, async () => {
    await checkEngine(run, node, place, wanted.version)
    const built = await Promise.all(
      BUILT_FILES.map(async (name) => [name, await hashFile(join(place, name))] as const),
    )
    return writeManifest(place, {
      format: 1,
      tensorflow: { version: wanted.version, wheel: tensorflow.wheel, sha256: tensorflow.sha256 },
      package: { ...request.npmPackage },
      gpu: request.gpu,
      platform: target.name,
      node: process.version,
      compiler: { ...wanted.compiler, flags: [...wanted.flags] },
      processor: { model: processor.model, features: wanted.features },
      sources: sources.sha256,
      headers: tensorflow.headers,
      files: { ...Object.fromEntries(built), ...tensorflow.libraries, ...packageFiles },
    })
  })
}

/** Folder of `node_api.h`. The addon needs no other header of Node, so none has to be installed with Node. */
function nodeApiHeaders(): string {
  const require = createRequire(import.meta.url)
  return join(dirname(require.resolve('node-api-headers')), 'include')
}
