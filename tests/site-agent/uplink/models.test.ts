import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { CHUNK_BYTES, WINDOW_CHUNKS } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { chunkOf, listChunks } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import type { Ask } from '../../../site-agent/uplink/connection.ts'
import { fetchModel, keepOnly } from '../../../site-agent/uplink/models.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const COUNT = 12
const model = Uint8Array.from(
  { length: CHUNK_BYTES * (COUNT - 1) + 1000 },
  (_, i) => (i * 31 + (i >> 19)) & 0xff,
)
const sha256 = sha256Hex(model)
const { signal } = new AbortController()
const ALL = Array.from({ length: COUNT }, (_, i) => i)

interface Served {
  readonly totalBytes?: number
  readonly chunks?: Uint8Array
  readonly failAt?: number
  /** Replaces a chunk. */
  readonly damage?: (chunk: Uint8Array, index: number) => Uint8Array
}

/** Serves `bytes`; remembers the chunks it was asked for. */
function server(bytes: Uint8Array = model, more: Served = {}) {
  const list = listChunks(bytes)
  const served = { asked: [] as number[], opened: 0, mostUnanswered: 0 }
  let unanswered = 0
  const ask = (async (event: string, { index = 0 }: { index?: number }) => {
    if (event === 'model:open') {
      served.opened++
      return { totalBytes: more.totalBytes ?? list.totalBytes, chunks: more.chunks ?? list.digests }
    }
    served.asked.push(index)
    if (index === more.failAt) throw new TesseraError('ERR_MODEL_UNKNOWN', 'test')
    served.mostUnanswered = Math.max(served.mostUnanswered, ++unanswered)
    await new Promise((resolve) => setImmediate(resolve))
    unanswered--
    const chunk = chunkOf(bytes, index)
    return { chunk: more.damage?.(chunk, index) ?? chunk }
  }) as unknown as Ask
  return { ...served, served, ask }
}

const same = async (got: Promise<Uint8Array>) => expect(Buffer.compare(await got, model)).toBe(0)

describe('fetchModel()', () => {
  test('fetches each chunk once, a window of them at a time, checks the hash, and keeps the file', async () => {
    const dir = join(await temporaryFolder(), 'cache')
    const { ask, served } = server()
    const seen: number[] = []
    const onProgress = (bytes: number) => seen.push(bytes)
    await same(fetchModel({ dir, sha256, bytes: model.length, ask, signal, onProgress }))
    // Of a signed size that is fetched from its beginning, no list is asked for.
    expect(served).toEqual({ asked: ALL, opened: 0, mostUnanswered: WINDOW_CHUNKS })
    expect(seen).toHaveLength(COUNT)
    expect(seen.at(-1)).toBe(model.length)
    expect(await readdir(dir)).toEqual([sha256])
  })

  test('does not ask for what is held', async () => {
    const dir = await temporaryFolder()
    await writeFile(join(dir, sha256), model)
    const { ask, served } = server()
    await same(fetchModel({ dir, sha256, ask, signal }))
    expect(served).toMatchObject({ asked: [], opened: 0 })
  })

  test('fetches again what was damaged on the disk', async () => {
    const dir = await temporaryFolder()
    await writeFile(join(dir, sha256), 'damaged')
    const { ask } = server()
    await fetchModel({ dir, sha256, ask, signal })
    expect(Buffer.compare(await readFile(join(dir, sha256)), model)).toBe(0)
  })

  test('goes on with the chunks of a part that are right', async () => {
    const dir = await temporaryFolder()
    const part = Buffer.from(model)
    part.fill(0, 3 * CHUNK_BYTES, 5 * CHUNK_BYTES)
    await writeFile(join(dir, `${sha256}.part`), part.subarray(0, 8 * CHUNK_BYTES + 7))
    const { ask, served } = server()
    await same(fetchModel({ dir, sha256, bytes: model.length, ask, signal }))
    expect(served).toMatchObject({ asked: [3, 4, 8, 9, 10, 11], opened: 1 })
  })

  test('a part that is longer, or holds other bytes, costs nothing more', async () => {
    const dir = await temporaryFolder()
    await writeFile(join(dir, `${sha256}.part`), Buffer.alloc(model.length + 99, 7))
    const { ask, served } = server()
    await same(fetchModel({ dir, sha256, ask, signal }))
    expect(served.asked).toEqual(ALL)
  })

  test('a wrong chunk is found with the whole, one of another length at once, and a second try takes a right one', async () => {
    const dir = await temporaryFolder()
    let damaged = 0
    const damage = (chunk: Uint8Array, index: number) =>
      index === 2 && damaged++ === 0 ? chunk.map((byte) => byte ^ 1) : chunk
    const { ask, served } = server(model, { damage })
    await same(fetchModel({ dir, sha256, bytes: model.length, ask, signal }))
    expect(served).toMatchObject({ asked: [...ALL, 2], opened: 1 })
    const always = server(model, { damage: (chunk, index) => (index === 2 ? chunk.slice(1) : chunk) })
    const other = join(dir, 'other')
    await expect(fetchModel({ dir: other, sha256, ask: always.ask, signal })).rejects.toMatchObject({
      code: 'ERR_MODEL_HASH',
    })
    expect(always.served.opened).toBe(2)
    expect(await readdir(other)).toEqual([])
  })

  test('refuses a whole of another hash whatever its list says, and keeps nothing', async () => {
    const dir = await temporaryFolder()
    const other = model.map((byte) => byte ^ 1)
    const honest = server(other)
    await expect(fetchModel({ dir, sha256, ask: honest.ask, signal })).rejects.toMatchObject({
      code: 'ERR_MODEL_HASH',
    })
    // Nothing of it is wrong by its own list: it is not fetched again.
    expect(honest.served).toMatchObject({ asked: ALL, opened: 2 })
    expect(await readdir(dir)).toEqual([])
    const lying = server(other, { chunks: listChunks(model).digests })
    await expect(
      fetchModel({ dir, sha256, bytes: model.length, ask: lying.ask, signal }),
    ).rejects.toMatchObject({ code: 'ERR_MODEL_HASH' })
    expect(lying.served).toMatchObject({ asked: [...ALL, ...ALL], opened: 1 })
    expect(await readdir(dir)).toEqual([])
  })

  test.each([
    ['another size than the offer says', { bytes: model.length - 1 }, {}, 'ERR_MODEL_HASH'],
    ['a list that is too long', {}, { chunks: new Uint8Array(65_536) }, 'ERR_MESSAGE_INVALID'],
    ['a list that is too short', {}, { totalBytes: 2 ** 30 }, 'ERR_MESSAGE_INVALID'],
    ['no model', {}, { failAt: 0 }, 'ERR_MODEL_UNKNOWN'],
  ])('refuses %s', async (_, wanted, more, code) => {
    const dir = await temporaryFolder()
    const { ask } = server(model, more)
    await expect(fetchModel({ dir, sha256, ask, signal, ...wanted })).rejects.toMatchObject({ code })
  })

  test('refuses to go on with a list of another size than the offer says', async () => {
    const dir = await temporaryFolder()
    await writeFile(join(dir, `${sha256}.part`), model.subarray(0, CHUNK_BYTES))
    const { ask, served } = server(model, { totalBytes: model.length - 1 })
    await expect(fetchModel({ dir, sha256, bytes: model.length, ask, signal })).rejects.toMatchObject({
      code: 'ERR_MODEL_HASH',
    })
    expect(served.asked).toEqual([])
    expect(await readdir(dir)).toEqual([])
  })

  test('a size of a gigabyte that was only said takes the disk of what came', async () => {
    const dir = await temporaryFolder()
    const chunks = new Uint8Array(65_536)
    const { ask } = server(model, { totalBytes: 2 ** 30, chunks, failAt: 0 })
    await expect(fetchModel({ dir, sha256, ask, signal })).rejects.toMatchObject({
      code: 'ERR_MODEL_UNKNOWN',
    })
    expect((await stat(join(dir, `${sha256}.part`))).size).toBeLessThanOrEqual(WINDOW_CHUNKS * CHUNK_BYTES)
  })

  test('stops between two chunks, and goes on from there', async () => {
    const dir = await temporaryFolder()
    const stop = new AbortController()
    const { ask } = server()
    const onProgress = () => stop.abort()
    await expect(fetchModel({ dir, sha256, ask, signal: stop.signal, onProgress })).rejects.toMatchObject({
      code: 'ERR_INTERRUPTED',
    })
    const again = server()
    await same(fetchModel({ dir, sha256, ask: again.ask, signal }))
    expect(again.served.asked).toEqual(ALL.slice(WINDOW_CHUNKS))
  })
})

describe('keepOnly()', () => {
  test('removes all but the named models and their parts', async () => {
    const dir = await temporaryFolder()
    for (const name of ['a', 'b', 'b.part', 'c.part']) await writeFile(join(dir, name), '')
    await keepOnly(dir, new Set(['b']))
    expect((await readdir(dir)).toSorted()).toEqual(['b', 'b.part'])
    await keepOnly('/no/such/folder', new Set())
  })
})
