/** @file Finds the system's C++ compiler. */
import { TesseraError } from '../../../errors.ts'
import type { Run } from './run.ts'

export interface Compiler {
  readonly command: string
  /** First line of `--version`: it changes with every update. */
  readonly version: string
}

/**
 * The compiler that `CXX` names, else the first of g++, clang++ and c++ that there is.
 * @throws {TesseraError} ERR_ENGINE_COMPILER if there is none.
 */
export async function findCompiler(
  run: Run,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Compiler> {
  const own = env.CXX?.trim() ?? ''
  const commands = own === '' ? ['g++', 'clang++', 'c++'] : [own]
  for (const command of commands) {
    const result = await run(command, ['--version'])
    const version = result?.stdout.split('\n')[0]?.trim() ?? ''
    if (result?.status === 0 && version !== '') return { command, version }
  }
  const wanted = own === '' ? `one of ${commands.join(', ')}` : 'a C++ compiler that CXX names'
  throw new TesseraError('ERR_ENGINE_COMPILER', `compiler must be ${wanted}, got none that runs`)
}
