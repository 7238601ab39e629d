import { open, readFile, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openFeatureCache } from '../../../site-agent/teacher/feature-cache.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const RECORD = 32 + 4 * 3 + 32
const key = (number: number): Buffer => Buffer.alloc(32, number)
const row = (number: number): Float32Array => Float32Array.of(number, number / 3, -number)

async function made(slots = 100) {
  const file = join(await temporaryFolder(), 'features', 'a.rows')
  const reopened = () => openFeatureCache({ file, rowLength: 3, maxBytes: slots * RECORD })
  return { file, cache: await reopened(), reopened }
}
/** Changes one byte of a file. */
async function damage(file: string, at: number): Promise<void> {
  const handle = await open(file, 'r+')
  const byte = Buffer.alloc(1)
  await handle.read(byte, 0, 1, at)
  await handle.write(Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, at)
  await handle.close()
}

describe('openFeatureCache()', () => {
  test('gives back what was put in, also when it is opened again', async () => {
    const { cache, reopened } = await made()
    expect(await cache.get(key(1))).toBeNull()
    for (const number of [1, 2, 3]) await cache.put(key(number), row(number))
    expect(await cache.get(key(2))).toEqual(row(2))
    await cache.close()
    const again = await reopened()
    for (const number of [1, 2, 3]) expect(await again.get(key(number))).toEqual(row(number))
    expect(await again.get(key(4))).toBeNull()
    await again.close()
  })
  test.each([
    ['the key', 0],
    ['the row', 32],
    ['the digest', RECORD - 1],
  ])(
    'does not believe a record with a changed byte in %s, and writes it anew in its place',
    async (_, at) => {
      const { file, cache, reopened } = await made()
      for (const number of [1, 2, 3]) await cache.put(key(number), row(number))
      await cache.close()
      await damage(file, RECORD + at)
      const again = await reopened()
      expect(await again.get(key(2))).toBeNull()
      expect(await again.get(key(3))).toEqual(row(3))
      await again.put(key(2), row(2))
      expect(await again.get(key(2))).toEqual(row(2))
      await again.close()
    },
  )
  test('does not believe a record that was cut short', async () => {
    const { file, cache, reopened } = await made()
    for (const number of [1, 2]) await cache.put(key(number), row(number))
    await cache.close()
    await truncate(file, 2 * RECORD - 5)
    const again = await reopened()
    expect(await again.get(key(1))).toEqual(row(1))
    expect(await again.get(key(2))).toBeNull()
    await again.put(key(2), row(2))
    expect(await again.get(key(2))).toEqual(row(2))
    await again.close()
  })
  test('never grows beyond its bound, and keeps what this run has asked for', async () => {
    const { file, cache, reopened } = await made(3)
    for (let number = 0; number < 10; number++) await cache.put(key(number), row(number))
    expect(await cache.get(key(2))).toEqual(row(2))
    expect(await cache.get(key(9))).toBeNull()
    await cache.close()
    const again = await reopened()
    await again.get(key(1))
    for (const number of [20, 21, 22]) await again.put(key(number), row(number))
    // 0 and 2 made room; 1 was asked for.
    const kept = await Promise.all([0, 1, 2, 20, 21, 22].map((number) => again.get(key(number))))
    expect(kept.map((held) => held !== null)).toEqual([false, true, false, true, true, false])
    await again.close()
    expect((await stat(file)).size).toBe(3 * RECORD)
  })
  test('is for the owner’s eyes only', async () => {
    const { file, cache } = await made()
    await cache.put(key(1), row(1))
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await readFile(file)).length).toBe(RECORD)
    await cache.close()
  })
})
