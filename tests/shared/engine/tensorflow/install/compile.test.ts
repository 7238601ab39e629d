import { describe, expect, test } from 'vitest'
import { compileEngine } from '../../../../../shared/engine/tensorflow/install/compile.ts'
import { type Answer, fakeRun } from '../../../../support/fake-run.ts'
import { temporaryFolder } from '../../../../support/temporary-folder.ts'

const command = (title: string) => ({ command: 'g++', args: [title], title })
const plan = { compile: ['a.cc', 'b.cc', 'c.cc'].map(command), link: [command('x.node')] }

async function build(answer: (file: string) => Answer | Promise<Answer>, cores = 2) {
  const { run, calls } = fakeRun(({ args }) => answer(args[0] ?? ''))
  const seen: number[] = []
  await compileEngine(run, plan, await temporaryFolder(), cores, (done) => void seen.push(done))
  return { files: calls.map(({ args }) => args[0]), seen }
}

describe('compileEngine()', () => {
  test('links last, and its progress only grows and ends at 1', async () => {
    const { files, seen } = await build(() => ({}))
    expect(files.toSorted()).toEqual(['a.cc', 'b.cc', 'c.cc', 'x.node'])
    expect(files.at(-1)).toBe('x.node')
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(seen.at(-1)).toBe(1)
  })

  test.each([1, 2])('with %i cores runs as many compilations at a time', async (cores) => {
    let [now, most] = [0, 0]
    await build(async () => {
      most = Math.max(most, ++now)
      await Promise.resolve()
      now--
      return {}
    }, cores)
    expect(most).toBe(cores)
  })

  test.each<[string, Answer, string, string]>([
    [
      'an error',
      { status: 1, stderr: 'note\n/home/me/n/a.cc:3:1: error: no such thing\nmore' },
      'ERR_ENGINE_BUILD',
      'a.cc must be built, got a.cc:3:1: error: no such thing',
    ],
    ['no compiler', null, 'ERR_ENGINE_COMPILER', 'compiler must run, got no g++'],
    [
      'an old compiler',
      { status: 1, stderr: "g++: error: unrecognized option '-std=c++17'" },
      'ERR_ENGINE_COMPILER',
      "compiler must know C++17, got g++: error: unrecognized option '-std=c++17'",
    ],
    [
      'too little memory',
      { status: 1, stderr: 'g++: fatal error: Killed signal terminated program cc1plus' },
      'ERR_ENGINE_BUILD',
      'a.cc must be built, got a compiler that was killed (too little memory?)',
    ],
    [
      'a signal',
      { status: null },
      'ERR_ENGINE_BUILD',
      'a.cc must be built, got a compiler that was killed (too little memory?)',
    ],
  ])('%s has a code, and nothing is compiled after it', async (_, answer, code, message) => {
    const done: string[] = []
    const failure = build((file) => {
      done.push(file)
      return answer
    }, 1)
    await expect(failure).rejects.toMatchObject({ code, message })
    expect(done).toEqual(['a.cc'])
  })
})
