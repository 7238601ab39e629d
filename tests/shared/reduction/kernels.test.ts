import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const folder = new URL('../../../shared/reduction/', import.meta.url)

test('kernels.wasm is what its committed source compiles to', { timeout: 60_000 }, async () => {
  const { compileKernels } = (await import(fileURLToPath(new URL('build.mjs', folder)))) as unknown as {
    compileKernels: () => Promise<Uint8Array>
  }
  const committed = await readFile(new URL('kernels.wasm', folder))
  expect(Buffer.compare(await compileKernels(), committed)).toBe(0)
})
