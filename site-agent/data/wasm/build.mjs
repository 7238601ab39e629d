/**
 * Compiles assembly/*.ts to tiles.wasm (part of `npm run build:kernels`). An argument names another file to write instead.
 */
import { kernelCompiler } from '../../../.ci/compile-kernels.mjs'

/**
 * A memory of the module's own, one a thread: what a hostile file can reach ends there. 256 MiB hold the largest tile (2048²) in
 * every form at once: 12 MiB each as a file, unpacked, as planes, as RGB and twice more for operations, 24 as coefficients.
 */
const options = ['--maximumMemory', '4096']

/** Returns the compiled module. */
export const compileKernels = await kernelCompiler(import.meta.url, 'tiles', options)
