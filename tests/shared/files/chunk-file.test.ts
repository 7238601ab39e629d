import { type FileHandle, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lackingChunks, readBlocks, writeChunk } from '@tessera/shared/files'
import { CHUNK_BYTES } from '@tessera/shared/protocol'
import { chunkOf, listChunks } from '@tessera/shared/transfer'
import { describe, expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const bytes = Uint8Array.from({ length: 3 * CHUNK_BYTES + 5 }, (_, i) => (i * 7 + (i >> 19)) & 0xff)
const list = listChunks(bytes)

async function fileOf(content: Uint8Array): Promise<FileHandle> {
  const file = join(await temporaryFolder(), 'file')
  await writeFile(file, content)
  const handle = await open(file, 'r+')
  onTestFinished(() => handle.close())
  return handle
}

describe('chunks on a disk', () => {
  test('written in any order they are the whole, and each counts once it is there', async () => {
    const handle = await fileOf(new Uint8Array())
    const lacking: number[][] = []
    for (const index of [3, 0, 2, 1]) {
      await writeChunk(handle, index, chunkOf(bytes, index))
      lacking.push([...(await lackingChunks(handle, list))])
    }
    expect(lacking).toEqual([[0, 1, 2], [1, 2], [1], []])
    expect(Buffer.compare(await handle.readFile(), bytes)).toBe(0)
  })

  test.each([
    ['nothing', new Uint8Array(), [0, 1, 2, 3]],
    ['a byte that was changed', bytes.with(CHUNK_BYTES + 1, 1), [1]],
    ['an end that is missing', bytes.subarray(0, bytes.length - 1), [3]],
    ['an end in the middle of a chunk', bytes.subarray(0, CHUNK_BYTES + 9), [1, 2, 3]],
    ['more than the list', Buffer.concat([bytes, bytes]), []],
  ])('a file with %s lacks what is not right', async (_, content, want) => {
    const handle = await fileOf(content)
    expect([...(await lackingChunks(handle, list))]).toEqual(want)
    expect((await handle.stat()).size).toBe(Math.min(content.length, bytes.length))
  })

  test('are read as blocks of their size, the rest at the end', async () => {
    const lengths: number[] = []
    const read: Uint8Array[] = []
    for await (const block of readBlocks(await fileOf(bytes))) {
      lengths.push(block.length)
      read.push(block.slice())
    }
    expect(lengths).toEqual([CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES, 5])
    expect(Buffer.compare(Buffer.concat(read), bytes)).toBe(0)
    const none: Uint8Array[] = []
    for await (const block of readBlocks(await fileOf(new Uint8Array()))) none.push(block)
    expect(none).toEqual([])
  })
})
