/**
 * @file Rows of numbers on the disk by 32-byte keys: what a frozen teacher has computed and need not compute again. It never leaves the site.
 *
 * One file of records of one length: key, row (float32, this machine's order), SHA-256 of both. A record is checked when it is read, so a
 * record that a crash cut short or a disk changed is found and computed again: nothing has to be written atomically or synced. Its size is
 * bounded; when it is full, records that nobody has asked for since it was opened make room, and when there are none, nothing more is kept
 * (the alternative, to drop the oldest, would by the end of each epoch have dropped what the next one begins with).
 */
import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { explained } from '@tessera/shared/files'

export interface FeatureCache {
  /** Gives the row of a key; null when there is none, or none that is whole. */
  get(key: Buffer): Promise<Float32Array | null>
  /** Keeps a row. When the disk refuses, the cache keeps nothing more: training goes on without it. */
  put(key: Buffer, row: Float32Array): Promise<void>
  close(): Promise<void>
}

export interface FeatureCacheOptions {
  readonly file: string
  /** Values in a row. */
  readonly rowLength: number
  readonly maxBytes: number
}

const KEY_BYTES = 32
const DIGEST_BYTES = 32
/** Read at a time when the keys are collected. */
const SCAN_BYTES = 4 * 1024 * 1024

/** Opens a cache; makes its file and folder, for the owner only. @throws {TesseraError} ERR_STORE_WRITE if it cannot be opened. */
export async function openFeatureCache(options: FeatureCacheOptions): Promise<FeatureCache> {
  const { file, rowLength, maxBytes } = options
  const recordBytes = KEY_BYTES + 4 * rowLength + DIGEST_BYTES
  const slots = Math.floor(maxBytes / recordBytes)
  const handle = await explained(async () => {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    // Not 'a+': Linux appends such writes wherever they are meant to go.
    return open(file, 'r+', 0o600).catch(() => open(file, 'w+', 0o600))
  })
  const slotOf = await scan(handle, recordBytes, slots)
  const asked = new Set<number>()
  const keyAt = new Map([...slotOf].map(([key, slot]) => [slot, key]))
  /** Slots whose record was found broken. */
  const broken: number[] = []
  let used = keyAt.size === 0 ? 0 : [...keyAt.keys()].reduce((most, slot) => Math.max(most, slot)) + 1
  let hand = 0
  let writable = true

  const freeSlot = (): number | null => {
    const again = broken.pop()
    if (again !== undefined) return again
    if (used < slots) return used++
    while (hand < slots && asked.has(hand)) hand++
    if (hand === slots) return null
    const key = keyAt.get(hand)
    if (key !== undefined) slotOf.delete(key)
    return hand++
  }

  return {
    async get(key) {
      const name = key.toString('latin1')
      const slot = slotOf.get(name)
      if (slot === undefined) return null
      const record = Buffer.alloc(recordBytes)
      const { bytesRead } = await handle
        .read(record, 0, recordBytes, slot * recordBytes)
        .catch(() => ({ bytesRead: 0 }))
      const body = record.subarray(0, recordBytes - DIGEST_BYTES)
      const whole =
        bytesRead === recordBytes &&
        body.subarray(0, KEY_BYTES).equals(key) &&
        digestOf(body).equals(record.subarray(body.length))
      if (!whole) {
        slotOf.delete(name)
        broken.push(slot)
        return null
      }
      asked.add(slot)
      return new Float32Array(new Uint8Array(body.subarray(KEY_BYTES)).buffer)
    },
    async put(key, row) {
      const name = key.toString('latin1')
      if (!writable || row.length !== rowLength || slotOf.has(name)) return
      const slot = freeSlot()
      if (slot === null) return
      const body = Buffer.concat([key, Buffer.from(row.buffer, row.byteOffset, row.byteLength)])
      try {
        await handle.write(Buffer.concat([body, digestOf(body)]), 0, recordBytes, slot * recordBytes)
        slotOf.set(name, slot)
        keyAt.set(slot, name)
        asked.add(slot)
      } catch {
        writable = false
      }
    },
    close: () => handle.close(),
  }
}

/** Where each key lies, by the keys alone: what follows them is checked when it is read. */
async function scan(handle: FileHandle, recordBytes: number, slots: number): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  const perRead = Math.max(1, Math.floor(SCAN_BYTES / recordBytes))
  const block = Buffer.alloc(perRead * recordBytes)
  for (let first = 0; first < slots; first += perRead) {
    const { bytesRead } = await handle.read(block, 0, block.length, first * recordBytes)
    const whole = Math.min(Math.floor(bytesRead / recordBytes), slots - first)
    for (let i = 0; i < whole; i++) {
      found.set(block.toString('latin1', i * recordBytes, i * recordBytes + KEY_BYTES), first + i)
    }
    if (whole < perRead) break
  }
  return found
}

function digestOf(body: Uint8Array): Buffer {
  return createHash('sha256').update(body).digest()
}
