import { mkdir, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { contentStore } from '@tessera/coordinator/store'
import { CHUNK_BYTES, type Manifest, WINDOW_CHUNKS } from '@tessera/shared/protocol'
import { chunkOf, listChunks, listHash } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import { createRoom } from '../../../coordinator/running/room.ts'
import { createUploads, type Upload } from '../../../coordinator/running/uploads.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { aManifest } from '../../support/signed-parts.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { codeOf } from '../raw-site.ts'

const COUNT = 12
const bytesOf = (seed: number): Uint8Array =>
  Uint8Array.from({ length: CHUNK_BYTES * (COUNT - 1) + 100 }, (_, i) => (i * seed + (i >> 19)) & 0xff)
const [bytes, other] = [bytesOf(31), bytesOf(37)]
const list = listChunks(bytes)
const ALL = Array.from({ length: COUNT }, (_, i) => i)

const manifestOf = (content: Uint8Array, changes: Partial<Manifest> = {}): Manifest =>
  aManifest({
    bytes: content.byteLength,
    payload: listHash(listChunks(content)),
    ...changes,
  })
const manifest = manifestOf(bytes)
const RECEIPT = async (upload: Upload): Promise<string> => {
  await upload.file.keep()
  upload.receipt = 'receipt'
  return upload.receipt
}

async function setup(folder?: string, chunks?: number) {
  const dir = folder ?? (await temporaryFolder())
  const uploads = createUploads('tiny', contentStore(dir, '.f32', 'chunks'), createRoom(fakeClock(), chunks))
  const open = async () => (await uploads.open('token', manifest, list)).upload
  const send = (upload: Upload, indices: readonly number[]) =>
    Promise.all(indices.map((index) => uploads.write('north', upload.id, index, chunkOf(bytes, index))))
  return { dir, uploads, open, send, files: () => readdir(join(dir, 'incoming')) }
}

describe('an upload', () => {
  test('takes its chunks in any order and is then the whole', async () => {
    const { dir, uploads, open, send, files } = await setup()
    const upload = await open()
    await send(upload, [11, 3, 0, 7])
    expect([...upload.file.missing]).toEqual([1, 2, 4, 5, 6, 8, 9, 10])
    expect(uploads.announced().get('north')?.bytes).toBe(100 + 3 * CHUNK_BYTES)
    expect(uploads.receivedOf('north')).toBe(100 + 3 * CHUNK_BYTES)
    expect(uploads.receivedOf('south')).toBe(0)
    await send(upload, [10, 9, 8, 6])
    await send(upload, [5, 4, 2, 1])
    expect(await uploads.finish('north', upload.id, RECEIPT)).toBe('receipt')
    expect(Buffer.compare(await readFile(join(dir, `${manifest.payload}.f32`)), bytes)).toBe(0)
    expect([await files(), [...uploads.announced()]]).toEqual([[], []])
  })

  test('goes on after a restart with the chunks that are on the disk and right', async () => {
    const before = await setup()
    await before.send(await before.open(), [0, 1, 2, 9])
    // A power cut in the middle of a write.
    const file = join(before.dir, 'incoming', 'tiny.north.part')
    const torn = await readFile(file)
    torn.fill(0, CHUNK_BYTES + 4096, 2 * CHUNK_BYTES)
    await writeFile(file, torn)
    const { uploads, open, send } = await setup(before.dir)
    const upload = await open()
    expect([...upload.file.missing]).toEqual([1, 3, 4, 5, 6, 7, 8, 10, 11])
    await send(upload, [1, 3, 4, 5, 6, 7, 8])
    await send(upload, [10, 11])
    expect(await uploads.finish('north', upload.id, RECEIPT)).toBe('receipt')
  })

  test('under another manifest keeps the chunks that both have', async () => {
    const { uploads, open, send } = await setup()
    const first = await open()
    await send(first, [4, 5])
    const changed = Uint8Array.from(bytes)
    changed[5 * CHUNK_BYTES] = 99
    const next = await uploads.open('another', manifestOf(changed, { attempt: 2 }), listChunks(changed))
    expect(next.upload.file.missing.has(4)).toBe(false)
    expect(next.upload.file.missing.has(5)).toBe(true)
    expect(await codeOf(uploads.write('north', first.id, 0, chunkOf(bytes, 0)))).toBe('ERR_UPLOAD_UNKNOWN')
  })

  test('a site has one on the disk, however many it opens', async () => {
    const { dir, uploads, send, open, files } = await setup()
    await send(await open(), ALL.slice(0, 8))
    const short = bytes.slice(0, 100)
    for (let i = 0; i < 20; i++) await uploads.open(`t${i}`, manifestOf(short), listChunks(short))
    expect(await files()).toEqual(['tiny.north.part'])
    expect((await stat(join(dir, 'incoming', 'tiny.north.part'))).size).toBeLessThanOrEqual(100)
  })

  test('declared with a gigabyte and never sent takes neither disk nor memory', async () => {
    const { dir, uploads } = await setup()
    const huge = { totalBytes: 2 ** 30, digests: new Uint8Array(65_536) }
    await uploads.open('token', { ...manifest, bytes: 2 ** 30 }, huge)
    expect((await stat(join(dir, 'incoming', 'tiny.north.part'))).blocks).toBe(0)
    expect(uploads.announced().get('north')?.bytes).toBe(0)
  })

  test.each([
    ['of another upload', 0, chunkOf(other, 0)],
    ['of another place', 0, chunkOf(bytes, 1)],
    ['that is too short', 0, chunkOf(bytes, 0).subarray(1)],
    ['that is too long', 11, chunkOf(bytes, 0)],
    ['beyond the end', 12, chunkOf(bytes, 0)],
    ['far beyond the end', 2047, new Uint8Array()],
  ])('refuses a chunk %s, and goes on', async (_, index, chunk) => {
    const { uploads, open, send } = await setup()
    const upload = await open()
    expect(await codeOf(uploads.write('north', upload.id, index, chunk))).toBe('ERR_UPLOAD_CHUNK')
    expect(upload.file.missing.size).toBe(COUNT)
    await send(upload, [0])
    expect(upload.file.missing.size).toBe(COUNT - 1)
  })

  test('refuses who is not its site, and a commit before all chunks are there', async () => {
    const { uploads, open, send } = await setup()
    const upload = await open()
    expect(await codeOf(uploads.write('south', upload.id, 0, chunkOf(bytes, 0)))).toBe('ERR_UPLOAD_UNKNOWN')
    expect(await codeOf(uploads.finish('south', upload.id, RECEIPT))).toBe('ERR_UPLOAD_UNKNOWN')
    await send(upload, ALL.slice(0, 6))
    expect(await codeOf(uploads.finish('north', upload.id, RECEIPT))).toBe('ERR_UPLOAD_INCOMPLETE')
    expect(upload.receipt).toBeNull()
  })

  test('refuses more chunks at once than a window, and writes none twice', async () => {
    const { uploads, open } = await setup()
    const upload = await open()
    const codes = await Promise.all(
      ALL.map((index) => codeOf(uploads.write('north', upload.id, index, chunkOf(bytes, index)))),
    )
    expect(codes.filter((code) => code === 'ERR_WINDOW_FULL')).toHaveLength(COUNT - WINDOW_CHUNKS)
    const written = COUNT - upload.file.missing.size
    expect(written).toBe(WINDOW_CHUNKS)
    // A hundred thousand of what is there: each is answered, none is looked at or written.
    const junk = new Uint8Array(4)
    for (let i = 0; i < 100_000; i++) await uploads.write('north', upload.id, 0, junk)
    expect(COUNT - upload.file.missing.size).toBe(written)
  })

  test('two commits at once are one', async () => {
    const { uploads, open, send } = await setup()
    const upload = await open()
    await send(upload, ALL.slice(0, 8))
    await send(upload, ALL.slice(8))
    let works = 0
    const work = async (one: Upload) => {
      works++
      return RECEIPT(one)
    }
    const receipts = await Promise.all([1, 2, 3].map(() => uploads.finish('north', upload.id, work)))
    expect([receipts, works]).toEqual([['receipt', 'receipt', 'receipt'], 1])
  })

  test('is refused for now when too many are coming in, and has room when one is there', async () => {
    const { uploads, open, send } = await setup(undefined, 1)
    const north = await open()
    const south = () => uploads.open('south', { ...manifest, site: 'south' }, list)
    expect(await codeOf(south())).toBe('ERR_UPLOAD_BUSY')
    await send(north, ALL.slice(0, 8))
    await send(north, ALL.slice(8))
    expect((await south()).window).toBe(1)
  })

  test('that is dropped while a chunk is written leaves nothing behind', async () => {
    const { uploads, open, files } = await setup()
    const upload = await open()
    const writing = codeOf(uploads.write('north', upload.id, 0, chunkOf(bytes, 0)))
    await uploads.drop('north')
    expect([await writing, await files()]).toEqual(['ERR_UPLOAD_UNKNOWN', []])
  })

  test('a disk that cannot be written refuses the chunk, and is looked at anew when it can', async () => {
    const { dir, uploads, open, send } = await setup()
    const upload = await open()
    await send(upload, [0, 1])
    const file = join(dir, 'incoming', 'tiny.north.part')
    const content = await readFile(file)
    await rm(file)
    await mkdir(file)
    expect(await codeOf(uploads.write('north', upload.id, 2, chunkOf(bytes, 2)))).toBe('ERR_STORE_WRITE')
    expect(await codeOf(uploads.write('north', upload.id, 3, chunkOf(bytes, 3)))).toBe('ERR_UPLOAD_UNKNOWN')
    expect(await codeOf(open())).toBe('ERR_STORE_WRITE')
    await rmdir(file)
    // One of the two that were there is not any more.
    await writeFile(file, content.fill(0, 0, 9))
    const again = await open()
    expect([again.file.missing.has(0), again.file.missing.has(1)]).toEqual([true, false])
    await send(again, [0])
  })

  test('is opened for the next round while what the last one left is removed', async () => {
    const { uploads, open, send } = await setup()
    for (let i = 0; i < 20; i++) {
      const ended = await open()
      await send(ended, [i % COUNT])
      const [, next] = await Promise.all([
        uploads.clear(),
        uploads.open(`round ${i}`, manifestOf(other, { round: 2 }), listChunks(other)),
      ])
      await uploads.write('north', next.upload.id, 0, chunkOf(other, 0))
    }
  })
})

describe('an ended round', () => {
  test('takes its unfinished uploads with it, on the disk too, and no others', async () => {
    const { dir, uploads, open, files } = await setup()
    await open()
    for (const name of ['tiny.west.part', 'other.north.part', 'tiny2.north.part']) {
      await writeFile(join(dir, 'incoming', name), 'left behind')
    }
    await uploads.sweep(new Set(['north', 'west']))
    expect((await files()).length).toBe(4)
    await uploads.sweep(new Set(['north']))
    expect((await files()).toSorted()).toEqual(['other.north.part', 'tiny.north.part', 'tiny2.north.part'])
    await uploads.clear()
    expect((await files()).toSorted()).toEqual(['other.north.part', 'tiny2.north.part'])
  })
})
