/** @file Writes an engine's manifest, the last file of an installation. */
import { join } from 'node:path'
import { writeDurably } from '../../../files/index.ts'
import { type EngineManifest, MANIFEST_FILE } from '../folder.ts'

/** Writes `manifest.json` into a folder, with the files in the order of their names. @returns What was written. */
export async function writeManifest(folder: string, manifest: EngineManifest): Promise<EngineManifest> {
  const files = Object.fromEntries(Object.entries(manifest.files).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  const sorted = { ...manifest, files }
  await writeDurably(join(folder, MANIFEST_FILE), `${JSON.stringify(sorted, null, 1)}\n`, 0o644)
  return sorted
}
