/**
 * Compiles assembly/*.ts to tiles.wasm (part of `npm run build:kernels`). An argument names another file to write instead.
 */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { main } from 'assemblyscript/asc'

const here = fileURLToPath(new URL('.', import.meta.url))
const target = process.argv[2] ?? fileURLToPath(new URL('tiles.wasm', import.meta.url))

/**
 * A memory of the module's own, one a thread: what a hostile file can reach ends there. 256 MiB hold the largest tile (2048²) in
 * every form at once: 12 MiB each as a file, unpacked, as planes, as RGB and twice more for operations, 24 as coefficients.
 */
const options = ['-O3', '--runtime', 'stub', '--noAssert', '--enable', 'simd', '--maximumMemory', '4096']

/** Returns the compiled module. */
export async function compileKernels() {
  let binary
  let complaints = ''
  const { error } = await main(
    ['assembly/tiles.ts', '--baseDir', here, '--outFile', 'tiles.wasm', ...options],
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
