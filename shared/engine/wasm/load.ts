/**
 * @file Our own kernels, a second WebAssembly module for the memory of the stock back end. It has no data, stack or allocator
 * there (tests/shared/engine/wasm/kernels.test.ts), only reads and writes what it is told.
 */
import { readFile } from 'node:fs/promises'
import { type Module, webAssembly } from './web-assembly.ts'

/** Compiles kernels.wasm. */
export async function loadKernels(): Promise<Module> {
  return webAssembly.compile(await readFile(new URL('kernels.wasm', import.meta.url)))
}
