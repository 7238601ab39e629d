import { describe, expect, test } from 'vitest'
import { cudaRequirements } from '../../../../../shared/engine/tensorflow/install/cuda.ts'
import { targetOf } from '../../../../../shared/engine/tensorflow/install/target.ts'
import { versionOfWheel } from '../../../../../shared/engine/tensorflow/install/wheel-name.ts'

const processor = { model: 'x', features: ['avx'] }
const target = targetOf({ platform: 'linux', arch: 'x64', glibc: '2.36', processor, cores: 2 }, false)

describe('versionOfWheel()', () => {
  test.each([
    ['/d/tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl', false, '2.21.0'],
    ['tensorflow-2.15.1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl', true, '2.15.1'],
  ])('%s, GPU %s, is %s', (file, gpu, version) => {
    expect(versionOfWheel(file, target, gpu)).toBe(version)
  })
  test.each([
    ['torch-2.15.0-cp311-cp311-manylinux_2_28_x86_64.whl', false, 'be named tensorflow'],
    ['tensorflow.whl', false, 'be named tensorflow'],
    ['tensorflow-2.21.0-cp311-cp311-manylinux_2_27_aarch64.whl', false, 'be for linux-x64'],
    ['tensorflow-2.21.0-cp311-cp311-win_amd64.whl', false, 'be for linux-x64'],
    ['tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl', true, 'not tensorflow-cpu, for --gpu'],
  ])('%s, GPU %s, is refused: it must %s', (file, gpu, rule) => {
    expect(() => versionOfWheel(file, target, gpu)).toThrowError(
      expect.objectContaining({
        code: 'ERR_ENGINE_ARCHIVE',
        message: expect.stringContaining(rule) as string,
      }),
    )
  })
})

describe('cudaRequirements()', () => {
  test('reads both ways of writing a requirement, and only those of and-cuda', () => {
    const metadata = [
      'Requires-Dist: numpy>=1.26.0',
      'Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"',
      "Requires-Dist: nvidia-cudnn-cu12 (==8.9.4.25) ; extra == 'and-cuda'",
      'Requires-Dist: nvidia-other; extra == "other"',
    ].join('\n')
    expect(cudaRequirements(metadata)).toEqual([
      'nvidia-cublas-cu12<13.0,>=12.5.3.2',
      'nvidia-cudnn-cu12==8.9.4.25',
    ])
  })
})
