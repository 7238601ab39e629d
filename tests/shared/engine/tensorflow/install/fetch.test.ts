import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  bytesIn,
  fetchPackage,
  fetchWheels,
  pipArguments,
} from '../../../../../shared/engine/tensorflow/install/fetch.ts'
import { targetOf } from '../../../../../shared/engine/tensorflow/install/target.ts'
import { NPM_PACKAGE } from '../../../../../shared/engine/tensorflow/install/unpack-package.ts'
import { type Answer, type FakeCall, fakeRun } from '../../../../support/fake-run.ts'
import { temporaryFolder } from '../../../../support/temporary-folder.ts'

const processor = { model: 'x', features: ['avx'] }
const target = targetOf({ platform: 'linux', arch: 'x64', glibc: '2.36', processor, cores: 2 }, false)
const value = (args: readonly string[], flag: string): string => args[args.indexOf(flag) + 1] ?? ''

/** pip that answers its version, and a download by `download`. */
const pip = (download: (call: FakeCall) => Answer | Promise<Answer>) =>
  fakeRun((call) => (call.args.includes('download') ? download(call) : { stdout: 'pip 24.0 from /x' }))

const writesWheel = async ({ args }: FakeCall): Promise<Answer> => {
  const [name = ''] = (args[args.indexOf('download') + 1] ?? '').split('=')
  await writeFile(join(value(args, '--dest'), `${name}.whl`), 'wheel')
  return {}
}

describe('pipArguments()', () => {
  test('asks for one wheel of the target, whatever Python and system pip runs on', () => {
    const args = pipArguments('tensorflow-cpu==2.21.0', target, '3.11', '/d')
    expect(args.slice(0, 6).join(' ')).toBe(
      'download tensorflow-cpu==2.21.0 --no-deps --only-binary=:all: --python-version 3.11',
    )
    expect(args).toContain('manylinux_2_27_x86_64')
    expect(value(args, '--dest')).toBe('/d')
  })
})

describe('fetchWheels()', () => {
  const request = async (gpu = false) => ({ target, version: '2.21.0', gpu, folder: await temporaryFolder() })
  const none = async (): Promise<string[]> => []

  test('fetches TensorFlow for processors', async () => {
    const { run, calls } = pip(writesWheel)
    const wheels = await fetchWheels(run, await request(), none)
    expect(wheels.map((wheel) => wheel.split('/').at(-1))).toEqual(['tensorflow-cpu.whl'])
    expect(calls.at(-1)?.command).toBe('python3')
  })

  test('for a GPU fetches the larger one and the CUDA wheels that it names', async () => {
    const { run } = pip(writesWheel)
    const wheels = await fetchWheels(run, await request(true), async () => ['nvidia-cudnn-cu12==9'])
    expect(wheels.map((wheel) => wheel.split('/').at(-1))).toEqual([
      'tensorflow.whl',
      'nvidia-cudnn-cu12.whl',
    ])
  })

  test('takes the wheel of another Python where there is none for the first', async () => {
    const { run, calls } = pip((call) =>
      value(call.args, '--python-version') === '3.12'
        ? writesWheel(call)
        : { status: 1, stderr: 'ERROR: No matching distribution found for tensorflow-cpu' },
    )
    expect(await fetchWheels(run, await request(), none)).toHaveLength(1)
    expect(calls.filter(({ args }) => args.includes('download'))).toHaveLength(2)
  })

  test('takes pip from wherever there is one', async () => {
    const { run, calls } = fakeRun((call) => {
      if (call.command !== 'pip') return call.command === 'python3' ? { status: 1 } : null
      return call.args.includes('download') ? writesWheel(call) : { stdout: 'pip 24.0 from /x' }
    })
    await fetchWheels(run, await request(), none)
    expect(calls.at(-1)?.command).toBe('pip')
  })

  test('without pip says what was tried', async () => {
    await expect(fetchWheels(fakeRun(() => null).run, await request(), none)).rejects.toMatchObject({
      code: 'ERR_ENGINE_PIP',
      message: 'pip must be one of python3 -m pip, python -m pip, pip3, pip, got none that runs',
    })
  })

  test('tells pip’s error, without the address, which may hold a password', async () => {
    const stderr = 'ERROR: Could not reach https://user:secret@mirror.example/simple (timeout)\nmore'
    const failure = fetchWheels(pip(() => ({ status: 1, stderr })).run, await request(), none)
    await expect(failure).rejects.toMatchObject({
      code: 'ERR_ENGINE_FETCH',
      message: 'tensorflow-cpu==2.21.0 must be fetched, got ERROR: Could not reach <address> (timeout)',
    })
  })
})

describe('fetchPackage()', () => {
  test.each<[string, Answer, string]>([
    ['no npm', null, 'npm must be fetched, got no npm'],
    [
      'a failure',
      { status: 1, stderr: 'npm ERR! network' },
      `${NPM_PACKAGE.name} 4.22.0 must be fetched, got npm ERR! network`,
    ],
    ['nothing written', {}, `${NPM_PACKAGE.name} 4.22.0 must be fetched, got 0 files`],
  ])('with %s has a code', async (_, answer, message) => {
    const folder = await temporaryFolder()
    await expect(fetchPackage(fakeRun(() => answer).run, NPM_PACKAGE, folder)).rejects.toMatchObject({
      code: 'ERR_ENGINE_FETCH',
      message,
    })
  })
})

describe('bytesIn()', () => {
  test('counts a file once that lies in two places', async () => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'a'), '12345')
    expect(await bytesIn(folder)).toBe(5)
    expect(await bytesIn(join(folder, 'nowhere'))).toBe(0)
  })
})
