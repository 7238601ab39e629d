/**
 * @file The border's checks of a delta's values, once all of its chunks are there, each checked by its hash when it came: bytes, finite, norm. One pass
 * over the stored file.
 */
import { deltaBlocks, deltaParts } from '@tessera/shared/delta'
import { TesseraError } from '@tessera/shared/errors'
import { elementCount, type Layout, safetensorsHeader } from '@tessera/shared/model'
import type { Encoding, Manifest } from '@tessera/shared/protocol'
import { createInspection } from '@tessera/shared/reduction'

/** A file that is read at any place. */
export interface Readable {
  readonly bytes: number
  /** Fills `into` from `position` on. */
  read(into: Uint8Array, position: number): Promise<void>
}

/** What the pass finds. */
export interface PayloadFacts {
  /** L2 norm over the trainable tensors, as decoded. */
  readonly norm: number
  /** Name of the first tensor that holds a NaN or an infinity, decoded: of an int8 block, a scale that does. */
  readonly nonFinite: string | null
}

/** Elements of a block: large enough that a read costs little beside its bytes. */
const BLOCK_ELEMENTS = 65_536

/** What is read at once where only small pieces are wanted: all the variances of a small student at once. */
const AHEAD_BYTES = 64 * 1024

/** @throws {TesseraError} ERR_UPDATE_SIZE */
export function checkReceivedBytes({ bytes }: Manifest, received: number): void {
  if (received === bytes) return
  throw new TesseraError(
    'ERR_UPDATE_SIZE',
    `delta must have the ${bytes} bytes of its manifest, got ${received}`,
  )
}

/** @throws {TesseraError} ERR_UPDATE_NOT_FINITE */
export function checkFinite({ nonFinite }: PayloadFacts): void {
  if (nonFinite === null) return
  throw new TesseraError('ERR_UPDATE_NOT_FINITE', `tensor ${nonFinite} must be finite, got NaN or infinity`)
}

/** @throws {TesseraError} ERR_UPDATE_NORM */
export function checkNorm({ norm }: PayloadFacts, maxNorm: number): void {
  if (norm <= maxNorm) return
  throw new TesseraError('ERR_UPDATE_NORM', `norm must be at most ${maxNorm}, got ${norm.toPrecision(4)}`)
}

/**
 * The norm does not bound statistics; what must hold of them is that a variance stays one. A negative running variance would turn every
 * site's next forward pass into NaN.
 * @param base The student that the delta is against, as it is stored.
 * @throws {TesseraError} ERR_UPDATE_NORM
 */
export async function checkVariances(
  layout: Layout,
  encoding: Encoding,
  delta: Readable,
  base: Readable,
): Promise<void> {
  const parts = new Map(deltaParts(layout, encoding).map((part) => [part.name, part]))
  const [changes, student] = [readAhead(delta), readAhead(base)]
  let position = safetensorsHeader(layout).length
  for (const { name, kind, shape } of layout.tensors) {
    const bytes = 4 * elementCount(shape)
    const part = parts.get(name)
    if (part && kind === 'statistic' && name.endsWith('.running_var')) {
      const [change, before] = [new Float32Array(part.elements), new Float32Array(part.elements)]
      await changes.read(new Uint8Array(change.buffer), part.offset)
      await student.read(new Uint8Array(before.buffer), position)
      const at = change.findIndex((value, i) => !(value + (before[i] ?? 0) >= 0))
      if (at !== -1)
        throw new TesseraError('ERR_UPDATE_NORM', `${name}[${at}] must stay at least 0, got less`)
    }
    position += bytes
  }
}

/** Reads a stretch at a time for those who ask for small pieces, one after the other: a system call costs more than the bytes around a variance. */
function readAhead(file: Readable): Readable {
  const { bytes } = file
  const room = new Uint8Array(Math.min(AHEAD_BYTES, bytes))
  let [start, end] = [0, 0]
  return {
    bytes,
    async read(into, position) {
      const behind = position + into.length
      // The file knows what to say of what is too large, or beyond its end.
      if (into.length > room.length || behind > bytes) return file.read(into, position)
      if (position < start || behind > end) {
        const stretch = room.subarray(0, Math.min(room.length, bytes - position))
        await file.read(stretch, position)
        start = position
        end = position + stretch.length
      }
      into.set(room.subarray(position - start, behind - start))
    },
  }
}

/** Reads a delta once, block by block. @throws {TesseraError} ERR_UPDATE_SIZE if it has not the layout's bytes. */
export async function inspectPayload(
  layout: Layout,
  encoding: Encoding,
  delta: Readable,
): Promise<PayloadFacts> {
  const blocks = deltaBlocks(layout, encoding, BLOCK_ELEMENTS)
  const want = blocks.reduce((sum, { bytes }) => sum + bytes, 0)
  if (delta.bytes !== want) {
    throw new TesseraError('ERR_UPDATE_SIZE', `delta must have ${want} bytes, got ${delta.bytes}`)
  }
  const inspection = createInspection(blocks)
  const room = new Uint8Array(Math.max(0, ...blocks.map(({ bytes }) => bytes)))
  for (const block of blocks) {
    const bytes = room.subarray(0, block.bytes)
    await delta.read(bytes, block.offset)
    inspection.add(block, bytes)
  }
  const { norm, nonFinite } = inspection
  return { norm, nonFinite }
}

/** What {@link admitPayload} goes by. */
export interface PayloadLimits {
  readonly layout: Layout
  readonly encoding: Encoding
  readonly maxNorm: number
  /** The student that the delta is against, as it is stored. */
  readonly base: Readable
}

/**
 * All of them on a delta that has come in; gives its norm.
 * @throws {TesseraError} The code of the first check that fails.
 */
export async function admitPayload(
  manifest: Manifest,
  delta: Readable,
  { layout, encoding, maxNorm, base }: PayloadLimits,
): Promise<{ norm: number }> {
  checkReceivedBytes(manifest, delta.bytes)
  const facts = await inspectPayload(layout, encoding, delta)
  checkFinite(facts)
  checkNorm(facts, maxNorm)
  await checkVariances(layout, encoding, delta, base)
  return { norm: facts.norm }
}
