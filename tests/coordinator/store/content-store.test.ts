import { readdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { contentStore, removeLeftovers } from '@tessera/coordinator/store'
import { CHUNK_BYTES } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { listChunks, listHash } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const BYTES = Buffer.from('a student')
const HASH = sha256Hex(BYTES)

async function filled() {
  const folder = await temporaryFolder()
  const store = contentStore(folder, '.bin')
  await store.save(BYTES)
  return { folder, store, file: join(folder, `${HASH}.bin`) }
}

describe('contentStore()', () => {
  test('a file has the name of its hash and comes back as it was', async () => {
    const { folder, store } = await filled()
    expect(await readdir(folder)).toEqual([`${HASH}.bin`])
    expect(Buffer.from(await store.load(HASH))).toEqual(BYTES)
    expect(await store.save(BYTES)).toBe(HASH)
  })

  test('parts come without the rest, and none beyond the end', async () => {
    const { store } = await filled()
    const { totalBytes, part } = await store.loadPart(HASH, 2, 4)
    expect([totalBytes, Buffer.from(part).toString()]).toEqual([BYTES.length, 'stud'])
    // Read once for all who ask for it at about the same time.
    expect((await store.loadPart(HASH, 2, 4)).part).toBe(part)
    expect((await store.loadPart(HASH, 7, 100)).part).toHaveLength(2)
    expect((await store.loadPart(HASH, 99, 100)).part).toHaveLength(0)
  })

  test('an open file is read at any place, and not beyond its end', async () => {
    const { store } = await filled()
    const file = await store.open(HASH)
    const into = new Uint8Array(4)
    await file.read(into, 2)
    expect([file.bytes, Buffer.from(into).toString()]).toEqual([BYTES.length, 'stud'])
    await expect(file.read(into, 7)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    await file.close()
  })

  test('a changed file is named and refused, whole, in parts or opened', async () => {
    const { store, file } = await filled()
    await writeFile(file, 'another!!')
    const refused = { code: 'ERR_STORE_CORRUPT', message: expect.stringContaining(`${HASH}.bin`) }
    await expect(store.load(HASH)).rejects.toMatchObject(refused)
    await expect(store.loadPart(HASH, 0, 1)).rejects.toMatchObject(refused)
    await expect(store.open(HASH)).rejects.toMatchObject(refused)
  })

  test('a missing file, and one cut short after it was checked, are refused', async () => {
    const { store, file } = await filled()
    await store.loadPart(HASH, 0, 1)
    await truncate(file, 3)
    await expect(store.loadPart(HASH, 0, 9)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    await expect(store.load('0'.repeat(64))).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
  })

  test('a file is listed chunk by chunk, once however many ask, and not when it was changed', async () => {
    const folder = await temporaryFolder()
    const store = contentStore(folder, '.bin')
    const large = Uint8Array.from({ length: CHUNK_BYTES + 9 }, (_, i) => i & 0xff)
    const sha256 = await store.save(large)
    const lists = await Promise.all(Array.from({ length: 50 }, () => store.list(sha256)))
    expect(new Set(lists).size).toBe(1)
    expect(lists[0]?.totalBytes).toBe(large.length)
    expect(Buffer.from(lists[0]?.digests ?? [])).toEqual(Buffer.from(listChunks(large).digests))
    await writeFile(join(folder, `${sha256}.bin`), large.fill(1))
    const again = contentStore(folder, '.bin')
    await expect(again.list(sha256)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    // What failed is looked at again.
    await again.save(large)
    await expect(again.list('0'.repeat(64))).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
  })

  test('lists are forgotten, the oldest first, and made again', async () => {
    const { store } = await filled()
    const first = await store.list(HASH)
    for (let i = 0; i < 64; i++) await store.list(await store.save(Buffer.from(`${i}`)))
    expect(await store.list(HASH)).not.toBe(first)
    expect(await store.list(HASH)).toEqual(first)
  })

  test('a file that comes in pieces has a name only once it is kept', async () => {
    const folder = await temporaryFolder()
    const store = contentStore(folder, '.bin')
    const incoming = await store.receive()
    await incoming.append(BYTES.subarray(0, 4))
    await incoming.append(BYTES.subarray(4))
    expect([incoming.bytes, incoming.digest()]).toEqual([BYTES.length, HASH])
    expect(await readdir(folder)).not.toContain(`${HASH}.bin`)
    await incoming.keep()
    await incoming.keep()
    expect(await readdir(folder)).toEqual([`${HASH}.bin`])
    expect(Buffer.from(await store.load(HASH))).toEqual(BYTES)
  })

  test('a file that came in pieces is listed when somebody asks, and not looked at before', async () => {
    const folder = await temporaryFolder()
    const store = contentStore(folder, '.bin')
    const incoming = await store.receive()
    await incoming.append(BYTES)
    await incoming.keep()
    await writeFile(join(folder, `${HASH}.bin`), Buffer.alloc(BYTES.length))
    expect((await store.loadPart(HASH, 0, 4)).totalBytes).toBe(BYTES.length)
    await expect(store.list(HASH)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    await writeFile(join(folder, `${HASH}.bin`), BYTES)
    expect(await store.list(HASH)).toEqual(listChunks(BYTES))
  })

  test('chunks go to a store whose files are named by their list, and to no other', async () => {
    const store = contentStore(await temporaryFolder(), '.bin')
    await expect(store.receiveChunks('one', listChunks(BYTES))).rejects.toMatchObject({
      code: 'ERR_INTERNAL',
    })
  })

  test('a file that came in chunks is listed as it came, without another look at it', async () => {
    const folder = await temporaryFolder()
    const store = contentStore(folder, '.bin', 'chunks')
    const list = listChunks(BYTES)
    const name = listHash(list)
    const incoming = await store.receiveChunks('one', list)
    await incoming.write(0, BYTES)
    expect([incoming.bytes, incoming.missing.size]).toEqual([BYTES.length, 0])
    const another = () => contentStore(folder, '.bin', 'chunks')
    await expect(another().list(name)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    await incoming.keep()
    expect(await store.list(name)).toBe(list)
    // Another run looks itself.
    expect(await another().list(name)).toEqual(list)
    expect(Buffer.from(await another().load(name))).toEqual(BYTES)
    await writeFile(join(folder, `${name}.bin`), 'other bytes')
    await expect(another().list(name)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    await expect(another().load(name)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
  })

  test('what is discarded, or left by a crash, is removed', async () => {
    const folder = await temporaryFolder()
    const store = contentStore(folder, '.bin')
    const [first, second] = [await store.receive(), await store.receive()]
    await first.discard()
    expect(await readdir(folder)).toHaveLength(1)
    await removeLeftovers(folder)
    expect(await readdir(folder)).toEqual([])
    await second.discard()
  })

  test('a folder that cannot be written is ERR_STORE_WRITE', async () => {
    const { file } = await filled()
    await expect(contentStore(file, '.bin').save(BYTES)).rejects.toMatchObject({ code: 'ERR_STORE_WRITE' })
  })
})
