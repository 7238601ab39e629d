import { describe, expect, test } from 'vitest'
import {
  featureHash,
  featuresOf,
  fitsProcessor,
  X64_V3,
} from '../../../../shared/engine/tensorflow/processor.ts'

describe('featuresOf()', () => {
  test('lists instruction sets of the first x64 processor, sorted, and nothing that only a kernel names', () => {
    const text =
      'processor : 0\nflags\t\t: fpu fma avx2 md_clear ibrs avx sse4_1\nprocessor : 1\nflags\t\t: avx512f\n'
    expect(featuresOf(text)).toEqual(['avx', 'avx2', 'fma', 'sse4_1'])
  })
  test('lists every feature of arm64', () => {
    expect(featuresOf('processor\t: 0\nFeatures\t: fp asimd sve\n')).toEqual(['asimd', 'fp', 'sve'])
  })
  test('is empty where the system does not tell', () => {
    expect(featuresOf('')).toEqual([])
  })
})

describe('fitsProcessor()', () => {
  const avx2 = { model: 'a', features: ['avx', 'avx2'] }
  test('is true on a processor of another name with the same instruction sets', () => {
    expect(fitsProcessor(featureHash(avx2), { ...avx2, model: 'b' })).toBe(true)
  })
  test('is false when one instruction set is missing', () => {
    expect(fitsProcessor(featureHash(avx2), { model: 'a', features: ['avx'] })).toBe(false)
  })
  test('goes by the model where no instruction sets are listed', () => {
    const named = featureHash({ model: 'a', features: [] })
    expect(fitsProcessor(named, { model: 'b', features: [] })).toBe(false)
  })
  test('is true for a family of processors on each that has all of it, and more', () => {
    const family = featureHash(X64_V3)
    expect(fitsProcessor(family, { model: 'a', features: [...X64_V3.features, 'avx512f'] })).toBe(true)
    for (const missing of X64_V3.features) {
      const features = X64_V3.features.filter((name) => name !== missing)
      expect(fitsProcessor(family, { model: 'a', features })).toBe(false)
    }
  })
  test('asks for what x86-64-v3 has under the names that /proc/cpuinfo has for it', () => {
    expect(featuresOf(`flags : ${X64_V3.features.join(' ')}`)).toEqual(X64_V3.features)
  })
})
