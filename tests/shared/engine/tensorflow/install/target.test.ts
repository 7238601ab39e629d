import { describe, expect, test } from 'vitest'
import {
  type Machine,
  portableTarget,
  readMachine,
  targetOf,
} from '../../../../../shared/engine/tensorflow/install/target.ts'

const machine: Machine = {
  platform: 'linux',
  arch: 'x64',
  glibc: '2.36',
  processor: { model: 'x', features: ['avx', 'fma'] },
  cores: 2,
}

describe('targetOf()', () => {
  test.each([
    ['linux', 'x64', 'tensorflow-cpu', '-march=native'],
    ['linux', 'arm64', 'tensorflow', '-mcpu=native'],
    ['darwin', 'arm64', 'tensorflow', '-mcpu=native'],
  ])('%s on %s takes %s and compiles with %s', (platform, arch, cpuPackage, flag) => {
    const target = targetOf({ ...machine, platform, arch }, false)
    expect([target.name, target.cpuPackage, target.machine]).toEqual([
      `${platform}-${arch}`,
      cpuPackage,
      flag,
    ])
  })

  test.each<[string, Partial<Machine>, boolean, string]>([
    [
      'Windows',
      { platform: 'win32' },
      false,
      'system must be one of linux-x64, linux-arm64, darwin-arm64, got win32-x64',
    ],
    ['macOS on Intel', { platform: 'darwin' }, false, 'got darwin-x64'],
    ['musl', { glibc: null }, false, 'C library must be glibc 2.27 or newer, got another one (musl?)'],
    ['an old glibc', { glibc: '2.17' }, false, 'got glibc 2.17'],
    [
      'a processor without AVX',
      { processor: { model: 'x', features: ['sse2'] } },
      false,
      'processor must have AVX, got one without',
    ],
    ['a GPU on arm64', { arch: 'arm64' }, true, 'system must be linux-x64 for --gpu, got linux-arm64'],
  ])('refuses %s', (_, changes, gpu, message) => {
    expect(() => targetOf({ ...machine, ...changes }, gpu)).toThrowError(
      expect.objectContaining({
        code: 'ERR_ENGINE_PLATFORM',
        message: expect.stringContaining(message) as string,
      }),
    )
  })

  test('takes a glibc of a later major version', () => {
    expect(targetOf({ ...machine, glibc: '3.1' }, true).name).toBe('linux-x64')
  })
})

describe('readMachine()', () => {
  test('is the system that runs this test', () => {
    const here = readMachine(3)
    expect([here.platform, here.arch, here.cores]).toEqual([process.platform, process.arch, 3])
    expect(here.processor.model).not.toBe('')
  })
})

describe('portableTarget()', () => {
  test.each([
    ['x64', '-march=x86-64-v3', 'x86-64-v3'],
    ['arm64', '-march=armv8-a', 'armv8-a'],
  ])('compiles on %s with %s, whatever this processor has', (arch, flag, model) => {
    const { target, processor } = portableTarget(targetOf({ ...machine, arch }, false))
    expect([target.machine, processor.model]).toEqual([flag, model])
  })

  test('is refused on macOS', () => {
    const mac = targetOf({ ...machine, platform: 'darwin', arch: 'arm64' }, false)
    expect(() => portableTarget(mac)).toThrow('system must be Linux for --portable, got darwin-arm64')
  })
})
