/** @file What an installed engine has to do with the one that is wanted: which parts differ, and which can be kept. */
import { join } from 'node:path'
import {
  ADDON_FILE,
  BINDING_FILE,
  type EngineManifest,
  INCLUDE_FOLDER,
  LIBRARY_FOLDER,
  PACKAGE_FOLDER,
  PROBE_FILE,
  QUIET_FILE,
} from '../folder.ts'
import type { Compiler } from './compiler.ts'
import { hashFile, hashTree, summariseTree } from './hash.ts'

/** The engine that is wanted, as far as a manifest can tell. */
export interface WantedEngine {
  readonly version: string
  /** Of the wheel that was given; null when pip is to fetch it. */
  readonly wheelHash: string | null
  readonly gpu: boolean
  readonly integrity: string
  readonly platform: string
  readonly compiler: Compiler
  readonly flags: readonly string[]
  readonly features: string
  readonly sources: string
}

/** Parts of an engine's folder. */
export interface Parts {
  /** Libraries and headers of the wanted TensorFlow. */
  readonly tensorflow: boolean
  readonly package: boolean
  /** What was compiled here. */
  readonly build: boolean
}

/** Files that are compiled here. */
export const BUILT_FILES = [BINDING_FILE, ADDON_FILE, QUIET_FILE, PROBE_FILE] as const

/** What the manifest says otherwise than wanted, in words; by part. */
export function differencesOf(
  manifest: EngineManifest,
  wanted: WantedEngine,
): Record<'tensorflow' | 'package' | 'build', string[]> {
  const { tensorflow, compiler, processor } = manifest
  const wheelDiffers = wanted.wheelHash !== null && wanted.wheelHash !== tensorflow.sha256
  const told = (rows: readonly [boolean, string][]): string[] =>
    rows.filter(([differs]) => differs).map(([, words]) => words)
  return {
    tensorflow: told([
      [tensorflow.version !== wanted.version, `TensorFlow is ${tensorflow.version}`],
      [wheelDiffers, 'it came from another wheel'],
      [manifest.gpu !== wanted.gpu, manifest.gpu ? 'it is for a GPU' : 'it is not for a GPU'],
      [manifest.platform !== wanted.platform, `it is for ${manifest.platform}`],
    ]),
    package: told([[manifest.package.integrity !== wanted.integrity, 'the npm package is another']]),
    build: told([
      [compiler.command !== wanted.compiler.command, `${compiler.command} built it`],
      [compiler.version !== wanted.compiler.version, 'the compiler has changed'],
      [compiler.flags.join(' ') !== wanted.flags.join(' '), 'the flags have changed'],
      [processor.features !== wanted.features, 'the processor is another'],
      [manifest.sources !== wanted.sources, 'our sources have changed'],
    ]),
  }
}

/** Which parts of an engine's folder are on disk exactly as its manifest says. Reads every file: about a second a gigabyte. */
export async function wholeParts(folder: string, manifest: EngineManifest): Promise<Parts> {
  const isWhole = async (part: string): Promise<boolean> => {
    const recorded = Object.entries(manifest.files).filter(([name]) => name.startsWith(`${part}/`))
    const there = await hashTree(join(folder, part))
    return (
      recorded.length > 0 &&
      recorded.length === Object.keys(there).length &&
      recorded.every(([name, { sha256 }]) => there[name.slice(part.length + 1)]?.sha256 === sha256)
    )
  }
  const headers = summariseTree(await hashTree(join(folder, INCLUDE_FOLDER)))
  const built = await Promise.all(
    BUILT_FILES.map(async (name) => {
      const facts = await hashFile(join(folder, name)).catch(() => undefined)
      return facts !== undefined && facts.sha256 === manifest.files[name]?.sha256
    }),
  )
  return {
    tensorflow: headers.sha256 === manifest.headers.sha256 && (await isWhole(LIBRARY_FOLDER)),
    package: await isWhole(PACKAGE_FOLDER),
    build: built.every(Boolean),
  }
}
