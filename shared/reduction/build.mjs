/**
 * Compiles assembly/*.ts to kernels.wasm (part of `npm run build:kernels`). An argument names another file to write instead.
 */
import { kernelCompiler } from '../../.ci/compile-kernels.mjs'

/** Imported memory and no runtime: where what lies is the caller's business. */
const options = ['--importMemory', '--noExportMemory']

/** Returns the compiled module. */
export const compileKernels = await kernelCompiler(import.meta.url, 'kernels', options)
