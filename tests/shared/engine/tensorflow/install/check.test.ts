import { describe, expect, test } from 'vitest'
import { checkEngine } from '../../../../../shared/engine/tensorflow/install/check.ts'
import { type Answer, fakeRun } from '../../../../support/fake-run.ts'

const told = (fields: object): Answer => ({
  stdout: JSON.stringify({ tensorflow: '2.21.0', elements: 1961, wrong: [0, 0], ...fields }),
})
const check = (answer: Answer) => checkEngine(fakeRun(() => answer).run, 'node', '/e', '2.21.0')

describe('checkEngine()', () => {
  test('hands both addons to a process, and passes when it computes what loops compute', async () => {
    const { run, calls } = fakeRun(() => told({}))
    await checkEngine(run, 'node', '/e', '2.21.0')
    expect(calls[0]?.args.slice(1)).toEqual(['/e/tessera.node', '/e/tfjs.node'])
  })
  test.each<[string, Answer, string]>([
    [
      'a wrong number',
      told({ wrong: [0, 3] }),
      'engine must compute 1961 products exactly, got 3 that differ',
    ],
    ['another TensorFlow', told({ tensorflow: '2.9.1' }), 'engine must be TensorFlow 2.21.0, got 2.9.1'],
    [
      'an addon that does not load',
      { status: 1, stderr: 'x\nError: /home/me/e/tessera.node: undefined symbol: f\n' },
      'engine must load and compute, got Error: tessera.node: undefined symbol: f',
    ],
    [
      'an instruction that is not there',
      { status: null },
      'engine must load and compute, got a process that was ended',
    ],
    [
      'a failed check of TensorFlow’s own',
      { status: null, stderr: 'F0000 process_state.cc:9] Check failed: cpu_allocators_.empty()' },
      'engine must load and compute, got F0000 process_state.cc:9] Check failed: cpu_allocators_.empty()',
    ],
  ])('refuses %s', async (_, answer, message) => {
    await expect(check(answer)).rejects.toMatchObject({
      code: 'ERR_ENGINE_CHECK',
      message: expect.stringContaining(message) as string,
    })
  })
})
