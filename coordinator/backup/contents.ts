/** @file Models and updates of a coordinator's folder, copied into another one and read back. Both folders name them alike. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { readUnverified } from '@tessera/shared/security'
import type { StoredEvent } from '../events.ts'
import { createRetention, prunedThrough } from '../ledger/index.ts'
import { type ContentStore, modelFiles, updateFiles } from '../store/index.ts'
import { broken } from './backup-file.ts'

/** One read of a file that is copied. */
const BLOCK_BYTES = 1024 * 1024

const KINDS = [
  { folder: 'models', extension: '.safetensors', open: modelFiles },
  { folder: 'updates', extension: '.f32', open: updateFiles },
] as const

export interface CopyOptions {
  readonly from: string
  readonly to: string
  /** Told how many bytes of those to be copied are there. */
  readonly onBytes?: ((done: number, total: number) => void) | undefined
}

export interface Copied {
  readonly files: number
  readonly bytes: number
  /** That were there before: a file never changes once it has its name. */
  readonly kept: number
}

/** Copies what is not there yet. @throws {TesseraError} ERR_STORE_CORRUPT, naming the file, if one is not what its name says; ERR_STORE_WRITE */
export async function copyContents({ from, to, onBytes }: CopyOptions): Promise<Copied> {
  const wanted: { kind: (typeof KINDS)[number]; sha256: string; bytes: number }[] = []
  let kept = 0
  for (const kind of KINDS) {
    const there = new Set(await kind.open(to).names())
    for (const sha256 of await kind.open(from).names()) {
      const file = join(from, kind.folder, `${sha256}${kind.extension}`)
      if (there.has(sha256)) kept++
      // Null: it has been pruned since.
      else wanted.push({ kind, sha256, bytes: (await stat(file).catch(() => null))?.size ?? 0 })
    }
  }
  const total = wanted.reduce((sum, { bytes }) => sum + bytes, 0)
  let [done, files] = [0, 0]
  for (const { kind, sha256 } of wanted) {
    const isCopied = await copyContent(kind.open(from), kind.open(to), sha256, (bytes) => {
      done += bytes
      onBytes?.(done, total)
    })
    if (!isCopied) continue
    // By another store: the one that wrote it believes itself.
    await (await kind.open(to).open(sha256)).close()
    files++
  }
  return { files, bytes: done, kept }
}

/** False when the file has gone meanwhile. */
async function copyContent(
  from: ContentStore,
  to: ContentStore,
  sha256: string,
  onBlock: (bytes: number) => void,
): Promise<boolean> {
  const source = await from.open(sha256).catch(async (thrown: unknown) => {
    if ((await from.names()).includes(sha256)) throw thrown
    return null
  })
  if (source === null) return false
  const copy = await to.receive()
  try {
    for (let at = 0; at < source.bytes; at += BLOCK_BYTES) {
      const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, source.bytes - at))
      await source.read(block, at)
      await copy.append(block)
      onBlock(block.byteLength)
    }
    if (copy.digest() !== sha256) throw broken(`file ${sha256}`, 'other bytes')
    await copy.keep()
    return true
  } catch (thrown) {
    await copy.discard()
    throw thrown
  } finally {
    await source.close()
  }
}

/**
 * Every file that the events speak of must be in the folder, but for what was removed on purpose.
 * @throws {TesseraError} ERR_STORE_CORRUPT, naming the first that is not.
 */
export async function assertComplete(dir: string, events: readonly StoredEvent[]): Promise<void> {
  const { models, updates } = await namedFiles(dir, events)
  for (const [folder, wanted, store] of [
    ['models', models, modelFiles(dir)],
    ['updates', updates, updateFiles(dir)],
  ] as const) {
    const there = new Set(await store.names())
    for (const sha256 of wanted) {
      if (there.has(sha256)) continue
      throw new TesseraError('ERR_STORE_CORRUPT', `${folder} must have file ${sha256}, got none`)
    }
  }
}

async function namedFiles(
  dir: string,
  events: readonly StoredEvent[],
): Promise<{ models: Set<string>; updates: Set<string> }> {
  const [models, updates, studies] = [new Set<string>(), new Set<string>(), new Set<string>()]
  const retention = createRetention()
  for (const event of events) {
    retention.note(event)
    if (event.type === 'study.created') {
      studies.add(event.study.id)
      models.add(event.student)
      if (event.study.teacher) models.add(event.study.teacher.sha256)
    } else if (event.type === 'update.accepted') updates.add(event.payload)
    else if (event.type === 'round.published') {
      models.add(event.student)
      for (const state of readUnverified('published', event.record).serverState) models.add(state)
    }
  }
  for (const study of studies) {
    const gone = retention.release(study, await prunedThrough(dir, study))
    for (const sha256 of gone.updates) updates.delete(sha256)
    for (const sha256 of gone.states) models.delete(sha256)
  }
  return { models, updates }
}
