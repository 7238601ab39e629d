import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { createTileMemory } from '../../../../site-agent/data/wasm/tile-memory.ts'

const folder = new URL('../../../../site-agent/data/wasm/', import.meta.url)

describe('tiles.wasm', () => {
  test('is what its committed source compiles to', { timeout: 60_000 }, async () => {
    const { compileKernels } = (await import(fileURLToPath(new URL('build.mjs', folder)))) as unknown as {
      compileKernels: () => Promise<Uint8Array>
    }
    const committed = await readFile(new URL('tiles.wasm', folder))
    expect(Buffer.compare(await compileKernels(), committed)).toBe(0)
  })
})

describe('createTileMemory()', () => {
  test('hands out room that does not overlap, with space behind it', () => {
    const memory = createTileMemory()
    const [first, second] = [memory.take(100), memory.take(100)]
    expect(first % 16).toBe(0)
    expect(second - first).toBeGreaterThanOrEqual(100 + 64)
  })

  test('hands the same room out again once it is cleared, and grows no more', () => {
    const memory = createTileMemory()
    const first = memory.take(5_000_000)
    const { byteLength } = memory.kernels.memory.buffer
    for (let tile = 0; tile < 50; tile++) {
      memory.clear()
      expect(memory.take(5_000_000)).toBe(first)
    }
    expect(memory.kernels.memory.buffer.byteLength).toBe(byteLength)
  })

  test('ends at 256 MiB', () => {
    const memory = createTileMemory()
    expect(() => memory.take(256 * 1024 * 1024)).toThrow(RangeError)
    memory.clear()
    expect(memory.take(200 * 1024 * 1024)).toBeGreaterThan(0)
  })

  test('knows its own bytes, also after it has grown', () => {
    const memory = createTileMemory()
    const at = memory.take(1)
    memory.take(1_000_000)
    expect(memory.holds(memory.bytes(at, 1))).toBe(true)
    expect(memory.holds(new Uint8Array(1))).toBe(false)
  })
})
