import { describe, expect, test } from 'vitest'
import { adviseOn, type Situation } from '../../../../shared/engine/doctor/advice.ts'
import type { EngineManifest } from '../../../../shared/engine/tensorflow/folder.ts'

const manifest = { gpu: false } as EngineManifest
const installed = { folder: '/e', manifest, fault: null, outdated: false }
const none = { ...installed, manifest: null }
const surroundings = {
  memoryBytes: 8e9,
  freeMemoryBytes: 4e9,
  freeDiskBytes: 1e11,
  gpu: null,
  compiler: 'g++ 12',
  pip: 'pip 24',
}
const processor = { model: 'x', features: ['avx'] }
const situation: Situation = {
  engine: 'wasm',
  native: none,
  machine: { platform: 'linux', arch: 'x64', glibc: '2.36', processor, cores: 2 },
  surroundings,
  choice: undefined,
}
const advise = (changes: Partial<Situation>) => adviseOn({ ...situation, ...changes })

describe('adviseOn()', () => {
  test('without a native engine names it, and the command that installs it', () => {
    expect(advise({})).toEqual({ missing: ['the native engine'], next: ['npx tessera engine install'] })
  })
  test('names the tools that the installation lacks, and their commands first', () => {
    const { missing, next } = advise({ surroundings: { ...surroundings, compiler: null, pip: null } })
    expect(missing).toEqual(['the native engine', 'a C++ compiler', 'pip (or TensorFlow as a file)'])
    expect(next.map((line) => line.split('  ')[0])).toEqual([
      'apt-get install g++',
      'apt-get install python3-pip',
      'npx tessera engine install',
    ])
  })
  test('where TensorFlow is not published says so, and advises nothing', () => {
    const { next } = advise({ machine: { ...situation.machine, glibc: null } })
    expect(next[0]).toMatch(/^nothing: C library must be glibc/)
  })
  test('when another engine was asked for although the native one is there, says what asks', () => {
    expect(advise({ native: installed, choice: 'wasm' }).next[0]).toMatch(/^unset TESSERA_ENGINE/)
  })
  test('has nothing to say when the native engine runs', () => {
    expect(advise({ engine: 'tensorflow', native: installed })).toEqual({
      missing: [],
      next: ['nothing: the fastest engine runs'],
    })
  })
  test('when its sources have changed since it was built, advises to renew it', () => {
    const native = { ...installed, outdated: true }
    expect(advise({ engine: 'tensorflow', native }).next[0]).toMatch(/^npx tessera engine install +#/)
  })
  test('when there is a GPU that the native engine does not use, advises --gpu', () => {
    const found = advise({
      engine: 'tensorflow',
      native: installed,
      surroundings: { ...surroundings, gpu: 'T4' },
    })
    expect(found).toEqual({ missing: ['CUDA for the GPU'], next: ['npx tessera engine install --gpu'] })
  })
  test('when no engine runs, advises to install the packages again', () => {
    expect(advise({ engine: null }).next).toEqual(['npm ci'])
  })
})
