/**
 * Compiles assembly/*.ts to kernels.wasm (`npm run build:kernels`). An argument names another file to write instead.
 */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { main } from 'assemblyscript/asc'

const here = fileURLToPath(new URL('.', import.meta.url))
const target = process.argv[2] ?? fileURLToPath(new URL('kernels.wasm', import.meta.url))

/** Imported memory and no runtime: where what lies is the caller's business. */
const options = [
  '-O3',
  '--runtime',
  'stub',
  '--importMemory',
  '--noExportMemory',
  '--noAssert',
  '--enable',
  'simd',
]

/** Returns the compiled module. */
export async function compileKernels() {
  let binary
  let complaints = ''
  const { error } = await main(
    ['assembly/kernels.ts', '--baseDir', here, '--outFile', 'kernels.wasm', ...options],
    {
      stderr: { write: (text) => void (complaints += text) },
      writeFile: (name, contents) => {
        if (name.endsWith('.wasm')) binary = contents
      },
    },
  )
  if (error) throw new Error(`kernels must compile, got ${error.message}\n${complaints}`)
  if (!(binary instanceof Uint8Array)) throw new Error('internal: the compiler wrote no module')
  return binary
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(target, await compileKernels())
