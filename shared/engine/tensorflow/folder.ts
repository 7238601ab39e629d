/** @file Where the native engine lies, and what its folder says of itself: `manifest.json`, written last by the installer. */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { z } from 'zod'
import { TesseraError } from '../../errors.ts'

export const MANIFEST_FILE = 'manifest.json'
/** TensorFlow.js' own addon, beside the manifest. */
export const BINDING_FILE = 'tfjs.node'
/** Our addon: sessions, and ops of our own. */
export const ADDON_FILE = 'tessera.node'
/** A program that measures what the processor can reach; `tessera doctor` runs it. */
export const PROBE_FILE = 'probe'
/** C++ headers of TensorFlow. */
export const INCLUDE_FOLDER = 'include'
/** Loads TensorFlow's library without its greeting. */
export const QUIET_FILE = 'quiet.node'
/** TensorFlow's libraries, in a folder of their own beside the addon. */
export const LIBRARY_FOLDER = 'lib'
/** The npm package as it came. */
export const PACKAGE_FOLDER = 'package'

/** Larger than any manifest: some 600 files of a name, a size and a hash each. */
const MAX_MANIFEST_BYTES = 1_000_000

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

const manifestSchema = z.strictObject({
  /** Of this schema: a folder of another version of Tessera is not guessed at. */
  format: z.literal(1),
  tensorflow: z.strictObject({
    version: z.string(),
    /** Name of the wheel it came from. */
    wheel: z.string(),
    sha256,
  }),
  package: z.strictObject({ name: z.string(), version: z.string(), integrity: z.string() }),
  gpu: z.boolean(),
  /** Where it was built: system and processor as Node names them. */
  platform: z.string(),
  /** Node that the finished engine was checked with. */
  node: z.string(),
  compiler: z.strictObject({ command: z.string(), version: z.string(), flags: z.array(z.string()) }),
  /** Processor that `-march=native` stood for: on another one the addon may hold instructions that are not there. */
  processor: z.strictObject({ model: z.string(), features: sha256 }),
  /** Over our C++ sources, in the order of their names. */
  sources: sha256,
  /** C++ headers of TensorFlow, kept so that a change of our sources needs the compiler only. */
  headers: z.strictObject({ files: z.int().positive(), bytes: z.int().positive(), sha256 }),
  /** All other files, by path inside the folder. */
  files: z.record(z.string(), z.strictObject({ bytes: z.int().nonnegative(), sha256 })),
})

export type EngineManifest = z.infer<typeof manifestSchema>

/** Folder of the native engine: `TESSERA_ENGINE_DIR`, else `tessera/engine` in the user's cache. It need not exist. */
export function engineFolder(env: Readonly<Record<string, string | undefined>>): string {
  const own = env.TESSERA_ENGINE_DIR
  if (own !== undefined && own !== '') return resolve(own)
  // The base directory specification wants a relative XDG_CACHE_HOME to be passed over.
  const cache = env.XDG_CACHE_HOME
  const base = cache !== undefined && isAbsolute(cache) ? cache : join(env.HOME ?? homedir(), '.cache')
  return join(base, 'tessera', 'engine')
}

/**
 * The manifest of an engine folder, or null when there is none: no engine is installed.
 * @throws {TesseraError} ERR_ENGINE_MANIFEST if there is one that is not a manifest of this version.
 */
export function readManifest(folder: string): EngineManifest | null {
  let text: string
  try {
    text = readFileSync(join(folder, MANIFEST_FILE), 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw refused(`an unreadable file (${(cause as NodeJS.ErrnoException).code})`, cause)
  }
  if (text.length > MAX_MANIFEST_BYTES) throw refused(`${text.length} characters`, undefined)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw refused('no JSON', cause)
  }
  const parsed = manifestSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw refused(`${issue?.message ?? 'another form'} at ${issue?.path.join('.') || 'its top'}`, parsed.error)
}

function refused(got: string, cause: unknown): TesseraError {
  return new TesseraError(
    'ERR_ENGINE_MANIFEST',
    `manifest of the engine must be one of this version, got ${got}`,
    { cause },
  )
}
