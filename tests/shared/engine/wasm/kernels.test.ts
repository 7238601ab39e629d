import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { catchMemory } from '../../../../shared/engine/wasm/memory.ts'

const engine = new URL('../../../../shared/engine/', import.meta.url)
const committed = await readFile(new URL('wasm/kernels.wasm', engine))

/** Ids of a WebAssembly binary's sections, in order: https://webassembly.github.io/spec/core/binary/modules.html */
function sections(binary: Uint8Array): number[] {
  const ids: number[] = []
  let at = 8
  while (at < binary.length) {
    ids.push(binary[at++] ?? 0)
    let [size, shift, byte] = [0, 0, 0]
    do {
      byte = binary[at++] ?? 0
      size |= (byte & 0x7f) << shift
      shift += 7
    } while (byte & 0x80)
    at += size
  }
  return ids
}

describe('kernels.wasm', () => {
  test('is what its committed source compiles to', { timeout: 60_000 }, async () => {
    const { compileKernels } = (await import(
      fileURLToPath(new URL('wasm/build.mjs', engine))
    )) as unknown as { compileKernels: () => Promise<Uint8Array> }
    expect(Buffer.compare(await compileKernels(), committed)).toBe(0)
  })

  test('owns nothing in the shared memory: types, one import, functions, exports and code, no data and no start', () => {
    expect(sections(committed)).toEqual([1, 2, 3, 7, 10])
  })
})

describe('catchMemory()', () => {
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: {
      instantiate: (binary: Uint8Array) => Promise<unknown>
      Memory: new (limits: { initial: number }) => object
    }
  }
  /** (module (memory (export "m") 1 2)) */
  const withMemory = Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 5, 4, 1, 1, 1, 2, 7, 5, 1, 1, 109, 2, 0])
  /** (module (memory (export "m") 1)) */
  const withoutLimit = Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 5, 3, 1, 0, 1, 7, 5, 1, 1, 109, 2, 0])

  test('gives the memory of the module that is instantiated meanwhile, shared, and leaves its bytes alone', async () => {
    const before = withMemory.slice()
    const memory = await catchMemory(async () => void (await WebAssembly.instantiate(withMemory)))
    expect(memory).toBeInstanceOf(WebAssembly.Memory)
    expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer)
    expect(memory.buffer.byteLength).toBe(65536)
    expect(withMemory).toEqual(before)
  })

  test('says ERR_ENGINE_UNAVAILABLE when the memory cannot be shared', async () => {
    const start = async (): Promise<void> => void (await WebAssembly.instantiate(withoutLimit))
    await expect(catchMemory(start)).rejects.toMatchObject({
      code: 'ERR_ENGINE_UNAVAILABLE',
      message: 'wasm back end must have a memory with a limit, to be shared by threads, got one without',
    })
  })

  test('puts WebAssembly.instantiate back, also after a failure', async () => {
    const { instantiate } = WebAssembly
    const failure = new Error('no')
    await expect(catchMemory(() => Promise.reject(failure))).rejects.toBe(failure)
    expect(WebAssembly.instantiate).toBe(instantiate)
  })

  test('says ERR_ENGINE_UNAVAILABLE when nothing was instantiated', async () => {
    await expect(catchMemory(() => Promise.resolve())).rejects.toMatchObject({
      code: 'ERR_ENGINE_UNAVAILABLE',
      message: 'wasm back end must export its memory, got none',
    })
  })
})
