import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { estimateLimits, leastSeconds, measureLimits } from '../../../../shared/engine/doctor/limits.ts'
import { type Answer, fakeRun } from '../../../support/fake-run.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const machine = {
  platform: 'linux',
  arch: 'x64',
  glibc: '2.36',
  processor: { model: 'x', features: ['avx'] },
  cores: 2,
}
const measured = '{"threads":2,"vectorBytes":32,"flops":1e11,"bytesPerSecond":2e10}'

describe('measureLimits()', () => {
  async function measure(answer: Answer) {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'probe'), '')
    await chmod(join(folder, 'probe'), 0o755)
    return measureLimits(fakeRun(() => answer).run, {}, folder, machine)
  }

  test('is what the engine’s probe prints', async () => {
    expect(await measure({ stdout: measured })).toEqual({
      flops: 1e11,
      bytesPerSecond: 2e10,
      source: 'measured by a probe: 2 threads, vectors of 256 bits',
    })
  })
  test.each<[string, Answer]>([
    ['ends by a signal', { status: null }],
    ['prints something else', { stdout: 'hello' }],
    ['measures nothing', { stdout: measured.replace('1e11', '0') }],
  ])('is null when the probe %s', async (_, answer) => {
    expect(await measure(answer)).toBeNull()
  })

  test('without an engine builds the probe with the compiler that is there', async () => {
    const { run, calls } = fakeRun(({ args }) => ({
      stdout: args.includes('--version') ? 'g++ 12' : measured,
    }))
    expect((await measureLimits(run, {}, '/nowhere', machine))?.flops).toBe(1e11)
    expect(calls.map(({ command }) => command.split('/').at(-1))).toEqual(['g++', 'g++', 'probe'])
  })
  test('is null without an engine and without a compiler', async () => {
    expect(await measureLimits(fakeRun(() => null).run, {}, '/nowhere', machine)).toBeNull()
  })
})

describe('estimateLimits()', () => {
  test.each([
    [['sse4_1'], 'x64', 2 * 4],
    [['avx2', 'fma'], 'x64', 2 * 8 * 2],
    [['avx2', 'fma', 'avx512f'], 'x64', 2 * 16 * 2],
    [['asimd'], 'arm64', 2 * 4 * 2],
  ])('%j on %s does %i operations a cycle', (features, arch, perCycle) => {
    expect(estimateLimits(features, arch, 1000, 3)?.flops).toBe(3e9 * perCycle)
  })
  test('is null where the system does not tell the clock', () => {
    expect(estimateLimits(['avx2'], 'x64', 0, 2)).toBeNull()
  })
})

describe('leastSeconds()', () => {
  const kernel = { name: 'x', flops: 100, bytes: 400, seconds: 1 }
  const limits = { flops: 10, bytesPerSecond: 20, source: 'x' }
  test('is the longer of computing and moving', () => {
    expect(leastSeconds(kernel, limits)).toBe(20)
    expect(leastSeconds({ ...kernel, bytes: 4 }, limits)).toBe(10)
  })
  test('goes by computing alone where memory was not measured, and is null where only that counts', () => {
    const estimate = { ...limits, bytesPerSecond: null }
    expect(leastSeconds(kernel, estimate)).toBe(10)
    expect(leastSeconds({ ...kernel, flops: 0 }, estimate)).toBeNull()
    expect(leastSeconds(kernel, null)).toBeNull()
  })
})
