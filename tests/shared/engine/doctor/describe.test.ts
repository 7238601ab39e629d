import { describe, expect, test } from 'vitest'
import { describeExamination } from '../../../../shared/engine/doctor/describe.ts'
import type { Examination } from '../../../../shared/engine/doctor/examine.ts'

const examination: Examination = {
  engine: {
    name: 'wasm',
    description: 'engine: wasm (SIMD, 1 thread per process; own kernels)',
    passedOver: null,
  },
  failure: null,
  why: 'no native engine is installed; tessera engine install builds one, and that is all there is to say of it here',
  native: { folder: '/home/somebody/.cache/tessera/engine', manifest: null, fault: null, outdated: false },
  speeds: [
    { name: 'matrix product, 512³', flops: 2e9, bytes: 3e6, seconds: 0.1 },
    { name: 'y = x / 2, 32 MiB', flops: 0, bytes: 64e6, seconds: 0.01 },
  ],
  limits: {
    flops: 2e11,
    bytesPerSecond: 1e10,
    source: 'measured by a probe: 2 threads, vectors of 256 bits',
  },
  machine: {
    platform: 'linux',
    arch: 'x64',
    glibc: '2.36',
    processor: {
      model: 'A Processor With A Long Name, 16-Core, at 3.2 GHz',
      features: ['avx2', 'fma', 'popcnt'],
    },
    cores: 2,
  },
  surroundings: {
    memoryBytes: 8e9,
    freeMemoryBytes: 4e9,
    freeDiskBytes: 1e11,
    gpu: null,
    compiler: 'g++ (Debian 12.2.0-14+deb12u1) 12.2.0',
    pip: null,
  },
  advice: { missing: ['the native engine'], next: ['apt-get install g++', 'npx tessera engine install'] },
}

describe('describeExamination()', () => {
  const lines = describeExamination(examination).split('\n')
  const lineOf = (word: string): string => lines.find((line) => line.includes(word)) ?? ''

  test('fits 80 columns and one screen', () => {
    expect(lines.filter((line) => line.length > 80)).toEqual([])
    expect(lines.length).toBeLessThanOrEqual(24)
  })
  test('says of each kernel what it reached, what it could, and the share', () => {
    expect(lineOf('matrix product')).toMatch(/ 20 GFLOP\/s +200 GFLOP\/s +10 %$/)
    expect(lineOf('y = x / 2')).toMatch(/ 6\.4 GB\/s +10 GB\/s +64 %$/)
  })
  test('names the instruction sets that matter, and no others', () => {
    const text = lines.join(' ')
    expect(text).toMatch(/avx2 +fma/)
    expect(text).not.toMatch(/popcnt/)
  })
  test('puts each command on a line of its own', () => {
    expect(lineOf('apt-get')).toBe('next       apt-get install g++')
    expect(lineOf('npx tessera')).toBe('           npx tessera engine install')
  })
  test('says that a limit is not known instead of making one up', () => {
    const text = describeExamination({ ...examination, limits: null })
    expect(text).toMatch(/matrix product, 512³ +20 GFLOP\/s +not known *\n/)
    expect(text).toMatch(/limits not known/)
  })
  test('says when no engine runs', () => {
    const text = describeExamination({ ...examination, engine: null, speeds: [] })
    expect(text).toMatch(/^engine {5}none runs\n/)
  })
})
