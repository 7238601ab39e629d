import { describe, expect, test } from 'vitest'
import { encodeConfig } from '../../../../../shared/engine/tensorflow/record/config.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

// Bytes that Python's protobuf gives for the same ConfigProto.
describe('encodeConfig()', () => {
  test('is empty when nothing is set', () => {
    expect(hex(encodeConfig({}))).toBe('')
  })

  test('writes threads as fields 2 and 5', () => {
    expect(hex(encodeConfig({ intraOpThreads: 2, interOpThreads: 1 }))).toBe('10022801')
  })

  test('writes numbers beyond a byte as varints', () => {
    expect(hex(encodeConfig({ intraOpThreads: 300 }))).toBe('10ac02')
  })

  test('turns rewrites off in graph_options.rewrite_options', () => {
    // 52: field 10, 6 bytes; 52: field 10, 4 bytes; 38 02: arithmetic off; 70 02: remapping off
    expect(hex(encodeConfig({ rewritesOff: ['arithmetic', 'remapping'] }))).toBe('5206520438027002')
  })
})
