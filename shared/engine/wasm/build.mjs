/**
 * Compiles assembly/*.ts to kernels.wasm (`npm run build:kernels`). An argument names another file to write instead.
 */
import { kernelCompiler } from '../../../.ci/compile-kernels.mjs'

/**
 * Imported memory and no runtime: the module lives in another module's heap and must own nothing there. The memory is shared,
 * with the limit of 4 GiB that the stock module gives it.
 */
const options = [
  '--importMemory',
  '--noExportMemory',
  '--sharedMemory',
  '--maximumMemory',
  '65536',
  '--enable',
  'threads',
]

/** Returns the compiled module. */
export const compileKernels = await kernelCompiler(import.meta.url, 'kernels', options)
