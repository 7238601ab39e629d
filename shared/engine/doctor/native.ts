/** @file What is known of the native engine without loading it. */
import { asTesseraError } from '../../errors.ts'
import { type EngineManifest, readManifest } from '../tensorflow/folder.ts'
import { readSources } from '../tensorflow/install/sources.ts'

export interface NativeState {
  readonly folder: string
  /** Null when none is installed, or its manifest cannot be read. */
  readonly manifest: EngineManifest | null
  /** Why the manifest cannot be read; null when it can, or there is none. */
  readonly fault: string | null
  /** It was built from other C++ sources than this version of Tessera has. */
  readonly outdated: boolean
}

/** Reads the manifest in the engine's folder. */
export async function inspectNative(folder: string): Promise<NativeState> {
  try {
    const manifest = readManifest(folder)
    const outdated = manifest !== null && manifest.sources !== (await readSources()).sha256
    return { folder, manifest, fault: null, outdated }
  } catch (thrown) {
    return { folder, manifest: null, fault: asTesseraError(thrown).message, outdated: false }
  }
}
