/** Compiles AssemblyScript to a WebAssembly module: what the build.mjs beside each module's sources has in common with the others. */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { main } from 'assemblyscript/asc'

/**
 * Gives a function that compiles `assembly/NAME.ts` beside `build`, the URL of a build.mjs. Where that file is the program that runs, it is
 * called, and its result written to NAME.wasm beside it, or to the file that the first argument names.
 * @param options Of the compiler, beyond optimising for speed, SIMD, and neither a runtime nor assertions.
 */
export async function kernelCompiler(build, name, options) {
  const compile = async () => {
    let binary
    let complaints = ''
    const files = [
      `assembly/${name}.ts`,
      '--baseDir',
      fileURLToPath(new URL('.', build)),
      '--outFile',
      `${name}.wasm`,
    ]
    const common = ['-O3', '--runtime', 'stub', '--noAssert', '--enable', 'simd']
    const { error } = await main([...files, ...common, ...options], {
      stderr: { write: (text) => void (complaints += text) },
      writeFile: (file, contents) => {
        if (file.endsWith('.wasm')) binary = contents
      },
    })
    if (error) throw new Error(`kernels must compile, got ${error.message}\n${complaints}`)
    if (!(binary instanceof Uint8Array)) throw new Error('internal: the compiler wrote no module')
    return binary
  }
  if (process.argv[1] === fileURLToPath(build)) {
    await writeFile(process.argv[2] ?? new URL(`${name}.wasm`, build), await compile())
  }
  return compile
}
