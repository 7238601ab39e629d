import { describe, expect, test } from 'vitest'
import { findCompiler } from '../../../../../shared/engine/tensorflow/install/compiler.ts'
import { fakeRun } from '../../../../support/fake-run.ts'

/** A machine that has only these compilers. */
const having = (...there: string[]) =>
  fakeRun(({ command }) => (there.includes(command) ? { stdout: `${command} 12.2\nmore` } : null)).run

describe('findCompiler()', () => {
  test.each([
    [['g++', 'clang++'], 'g++'],
    [['clang++', 'c++'], 'clang++'],
    [['c++'], 'c++'],
  ])('of %j takes %s, with the first line of its version', async (there, command) => {
    expect(await findCompiler(having(...there), {})).toEqual({ command, version: `${command} 12.2` })
  })
  test('takes what CXX names, before all others', async () => {
    expect((await findCompiler(having('g++', 'g++-13'), { CXX: 'g++-13' })).command).toBe('g++-13')
  })
  test.each([
    [{}, 'compiler must be one of g++, clang++, c++, got none that runs'],
    [{ CXX: 'nothing' }, 'compiler must be a C++ compiler that CXX names, got none that runs'],
  ])('with %j and none there says so', async (env, message) => {
    await expect(findCompiler(having(), env)).rejects.toMatchObject({ code: 'ERR_ENGINE_COMPILER', message })
  })
  test('passes over one that does not run', async () => {
    const { run } = fakeRun(({ command }) => (command === 'g++' ? { status: 1 } : { stdout: 'clang 16' }))
    expect((await findCompiler(run, {})).command).toBe('clang++')
  })
})
