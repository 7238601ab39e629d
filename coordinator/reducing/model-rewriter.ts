/**
 * @file A model file made from another of the same layout, stretch by stretch: what is between two stretches is never held. Memory: one window.
 */
import { TesseraError } from '@tessera/shared/errors'
import { elementCount, type Layout, safetensorsHeader } from '@tessera/shared/model'
import type { Incoming, StoredFile } from '../store/index.ts'

/** One read and one write each: 1 MiB. */
const WINDOW_ELEMENTS = 262_144

export interface ModelRewriter {
  /**
   * Gives the next elements, in the layout's order: at least one and at most `most`, to be changed in place before the next call. A window
   * has the same places in every file, so rewriters of one layout that are asked alike give stretches of one length.
   */
  next(most: number): Promise<Float32Array>
  /** Writes what is left as it is. The file is then whole, not yet kept. */
  end(): Promise<void>
}

/**
 * @param from The file to begin with, or the value of all its elements.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH if the file was not written with this layout; ERR_STORE_WRITE
 */
export async function rewriteModel(
  layout: Layout,
  from: StoredFile | number,
  to: Incoming,
): Promise<ModelRewriter> {
  const header = safetensorsHeader(layout)
  const elements = layout.tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0)
  if (typeof from !== 'number') await assertWrittenWith(header, 4 * elements, from)
  await to.append(header)

  const room = new Float32Array(Math.min(WINDOW_ELEMENTS, elements))
  let window = room.subarray(0, 0)
  let [used, loaded] = [0, 0]
  const flush = async (): Promise<void> => {
    if (window.length > 0) await to.append(bytesOf(window))
  }
  /** False when there is nothing left. */
  const load = async (): Promise<boolean> => {
    await flush()
    window = room.subarray(0, Math.min(room.length, elements - loaded))
    if (typeof from === 'number') window.fill(from)
    else await from.read(bytesOf(window), header.length + 4 * loaded)
    loaded += window.length
    used = 0
    return window.length > 0
  }
  return {
    async next(most) {
      if (used === window.length) await load()
      const stretch = window.subarray(used, used + most)
      used += stretch.length
      return stretch
    },
    async end() {
      while (await load());
    },
  }
}

async function assertWrittenWith(header: Uint8Array, dataBytes: number, file: StoredFile): Promise<void> {
  const got = new Uint8Array(header.length)
  const fits = file.bytes === header.length + dataBytes
  if (fits) await file.read(got, 0)
  if (fits && Buffer.compare(got, header) === 0) return
  throw new TesseraError(
    'ERR_LAYOUT_MISMATCH',
    `stored model must have the ${header.length + dataBytes} bytes and the header of its study's layout, got another file of ${file.bytes}`,
  )
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
