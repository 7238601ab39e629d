/** @file Brings the two parts that come from elsewhere into a new engine's folder: from the engine that is there, from files, or from a registry. */
import { mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type EngineManifest, INCLUDE_FOLDER, LIBRARY_FOLDER, PACKAGE_FOLDER } from '../folder.ts'
import { archiveRefused } from './archive-entry.ts'
import { cudaRequirementsOf } from './cuda.ts'
import { bytesIn, fetchPackage, fetchWheels } from './fetch.ts'
import { type FileFacts, type FileTable, hashFile, hashTree, summariseTree, type TreeFacts } from './hash.ts'
import { linkTree } from './link-tree.ts'
import type { Run } from './run.ts'
import type { StepName, StepReports } from './steps.ts'
import { removeFolder } from './swap.ts'
import type { Target } from './target.ts'
import { type NpmPackage, unpackPackage } from './unpack-package.ts'
import { unpackWheel } from './unpack-wheel.ts'

/** The engine that is there, when a part of it can be kept. */
export interface Kept {
  readonly manifest: EngineManifest | null
  readonly folder: string
}

export interface TensorFlowFacts {
  /** File name of the wheel, and its hash. */
  readonly wheel: string
  readonly sha256: string
  readonly headers: TreeFacts
  readonly libraries: FileTable
}

/** Brings the npm package to `place/package`. @returns Its files by their path in `place`. */
export async function bringPackage(
  place: string,
  { npmPackage, tarball }: { npmPackage: NpmPackage; tarball: string | null },
  kept: Kept | null,
  run: Run,
): Promise<FileTable> {
  const target = join(place, PACKAGE_FOLDER)
  if (kept !== null) await linkTree(join(kept.folder, PACKAGE_FOLDER), target)
  else {
    const downloads = join(place, 'npm')
    await unpackPackage(tarball ?? (await fetchPackage(run, npmPackage, downloads)), place, npmPackage)
    await removeFolder(downloads)
  }
  return prefixed(PACKAGE_FOLDER, await hashTree(target))
}

export interface TensorFlowRequest {
  readonly target: Target
  readonly version: string
  readonly gpu: boolean
  readonly wheels: readonly string[]
}

/** Runs one step and tells of it. */
export type Step = <T>(name: StepName, kept: boolean, work: () => Promise<T>) => Promise<T>

/** Brings TensorFlow's libraries to `place/lib` and its headers to `place/include`. */
export async function bringTensorFlow(
  place: string,
  request: TensorFlowRequest,
  kept: Kept | null,
  { run, steps, signal }: { run: Run; steps: StepReports; signal: AbortSignal },
  step: Step,
): Promise<TensorFlowFacts> {
  if (kept?.manifest) {
    const { tensorflow, headers, files } = kept.manifest
    await step('wheel', true, async () => undefined)
    await step('unpack', true, async () => {
      for (const part of [LIBRARY_FOLDER, INCLUDE_FOLDER])
        await linkTree(join(kept.folder, part), join(place, part))
    })
    const libraries = Object.entries(files).filter(([name]) => name.startsWith(`${LIBRARY_FOLDER}/`))
    return { ...tensorflow, headers, libraries: Object.fromEntries(libraries) }
  }
  const downloads = join(place, 'downloads')
  const wheels = await step('wheel', false, () => theWheels(downloads, request, run, steps))
  const facts = await step('unpack', false, async () => {
    const [first = ''] = wheels
    const files = new Map<string, FileFacts>()
    for (const [i, wheel] of wheels.entries()) {
      const found = await unpackWheel(wheel, place, {
        libraries: request.target.libraries,
        signal,
        onProgress: (done) =>
          steps.report('unpack', {
            done: (i + done) / wheels.length,
            text: wheels.length > 1 ? basename(wheel) : '',
          }),
      })
      for (const [name, fact] of found) files.set(name, fact)
    }
    for (const library of request.target.libraries) {
      if (!files.has(`${LIBRARY_FOLDER}/${library}`)) throw archiveRefused('wheel', `hold ${library}`, 'none')
    }
    const under = (part: string): FileTable =>
      Object.fromEntries([...files].filter(([name]) => name.startsWith(`${part}/`)))
    const headers = Object.entries(under(INCLUDE_FOLDER)).map(([name, fact]) => [
      name.slice(INCLUDE_FOLDER.length + 1),
      fact,
    ])
    return {
      wheel: basename(first),
      sha256: (await hashFile(first)).sha256,
      headers: summariseTree(Object.fromEntries(headers) as FileTable),
      libraries: under(LIBRARY_FOLDER),
    }
  })
  await removeFolder(downloads)
  return facts
}

async function theWheels(
  downloads: string,
  { target, version, gpu, wheels }: TensorFlowRequest,
  run: Run,
  steps: StepReports,
): Promise<readonly string[]> {
  if (wheels.length > 0) return wheels
  await mkdir(downloads, { recursive: true })
  const expected = gpu ? 4e9 : target.wheelBytes
  const report = async (): Promise<void> => {
    const bytes = await bytesIn(downloads)
    // How much comes is an estimate: never promise that it is all here.
    steps.report('wheel', { done: Math.min(0.97, bytes / expected), text: `${Math.round(bytes / 1e6)} MB` })
  }
  const timer = setInterval(() => void report(), 500)
  try {
    return await fetchWheels(run, { target, version, gpu, folder: downloads }, cudaRequirementsOf)
  } finally {
    clearInterval(timer)
  }
}

function prefixed(part: string, table: FileTable): FileTable {
  return Object.fromEntries(Object.entries(table).map(([name, facts]) => [`${part}/${name}`, facts]))
}
