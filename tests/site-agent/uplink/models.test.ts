import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { sha256Hex } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import type { Ask } from '../../../site-agent/uplink/connection.ts'
import { fetchModel, keepOnly } from '../../../site-agent/uplink/models.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const model = Uint8Array.from({ length: 1000 }, (_, i) => i % 251)
const sha256 = sha256Hex(model)
const { signal } = new AbortController()

/** Serves `bytes` in chunks of 400; remembers the offsets it was asked for. */
function server(bytes: Uint8Array = model, more: { totalBytes?: number; failAt?: number } = {}) {
  const offsets: number[] = []
  const ask = (async (_event: string, { offset }: { offset: number }) => {
    offsets.push(offset)
    if (offset === more.failAt) throw new TesseraError('ERR_MODEL_UNKNOWN', 'test')
    return { totalBytes: more.totalBytes ?? bytes.length, chunk: bytes.slice(offset, offset + 400) }
  }) as unknown as Ask
  return { ask, offsets }
}

describe('fetchModel()', () => {
  test('fetches in chunks, checks the hash, and keeps the file', async () => {
    const dir = join(await temporaryFolder(), 'cache')
    const { ask, offsets } = server()
    const seen: number[] = []
    const onProgress = (bytes: number) => seen.push(bytes)
    expect(new Uint8Array(await fetchModel({ dir, sha256, bytes: 1000, ask, signal, onProgress }))).toEqual(
      model,
    )
    expect(offsets).toEqual([0, 400, 800])
    expect(seen).toEqual([400, 800, 1000])
    expect(await readdir(dir)).toEqual([sha256])
  })

  test('does not fetch what is held', async () => {
    const dir = await temporaryFolder()
    await writeFile(join(dir, sha256), model)
    const { ask, offsets } = server()
    expect(new Uint8Array(await fetchModel({ dir, sha256, ask, signal }))).toEqual(model)
    expect(offsets).toEqual([])
  })

  test('fetches again what was damaged on the disk', async () => {
    const dir = await temporaryFolder()
    await writeFile(join(dir, sha256), 'damaged')
    const { ask } = server()
    await fetchModel({ dir, sha256, ask, signal })
    expect(new Uint8Array(await readFile(join(dir, sha256)))).toEqual(model)
  })

  test('goes on with a part from where it ends', async () => {
    const dir = await temporaryFolder()
    await writeFile(join(dir, `${sha256}.part`), model.slice(0, 700))
    const { ask, offsets } = server()
    await fetchModel({ dir, sha256, ask, signal })
    expect(offsets).toEqual([700])
  })

  test('a part that holds other bytes costs one more download, no more', async () => {
    const dir = await temporaryFolder()
    await writeFile(join(dir, `${sha256}.part`), new Uint8Array(700))
    const { ask, offsets } = server()
    await fetchModel({ dir, sha256, ask, signal })
    expect(offsets).toEqual([700, 0, 400, 800])
  })

  test('refuses a wrong hash after two downloads, and keeps nothing', async () => {
    const dir = await temporaryFolder()
    const { ask, offsets } = server(model.map((byte) => byte ^ 1))
    await expect(fetchModel({ dir, sha256, ask, signal })).rejects.toMatchObject({ code: 'ERR_MODEL_HASH' })
    expect(offsets).toEqual([0, 400, 800, 0, 400, 800])
    expect(await readdir(dir)).toEqual([])
  })

  test.each([
    ['another size than the offer says', { bytes: 1000 }, { totalBytes: 999 }, 'ERR_MODEL_HASH'],
    ['an empty chunk before the end', {}, { totalBytes: 2000 }, 'ERR_MESSAGE_INVALID'],
    ['more bytes than there are', {}, { totalBytes: 300 }, 'ERR_MESSAGE_INVALID'],
    ['no model', {}, { failAt: 0 }, 'ERR_MODEL_UNKNOWN'],
  ])('refuses %s', async (_, wanted, served, code) => {
    const dir = await temporaryFolder()
    const { ask } = server(model, served)
    await expect(fetchModel({ dir, sha256, ask, signal, ...wanted })).rejects.toMatchObject({ code })
  })

  test('stops between two chunks', async () => {
    const dir = await temporaryFolder()
    const stop = new AbortController()
    const { ask } = server()
    const onProgress = () => stop.abort()
    await expect(fetchModel({ dir, sha256, ask, signal: stop.signal, onProgress })).rejects.toMatchObject({
      code: 'ERR_INTERRUPTED',
    })
    expect((await readFile(join(dir, `${sha256}.part`))).length).toBe(400)
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
