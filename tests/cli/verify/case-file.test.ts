import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeSafetensors } from '@tessera/shared/model'
import { afterAll, describe, expect, test } from 'vitest'
import { readCaseFile } from '../../../cli/verify/case-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'tessera-case-'))
afterAll(() => rmSync(folder, { recursive: true }))

const METADATA = { format: 'reference-case', version: '1', kind: 'moma-step', config: '{"heads":4}' }

function write(name: string, metadata: Record<string, string>, tensors: Record<string, number[]>): string {
  const layout = {
    architecture: 'case',
    tensors: Object.entries(tensors).map(([n, v]) => ({
      name: n,
      shape: [v.length],
      kind: 'trainable' as const,
    })),
  }
  const weights = new Map(Object.entries(tensors).map(([n, v]) => [n, Float32Array.from(v)]))
  const path = join(folder, `${name}.safetensors`)
  writeFileSync(path, encodeSafetensors(layout, weights, metadata))
  return path
}

describe('readCaseFile()', () => {
  test('sorts the tensors into what is given and what is expected', () => {
    const file = readCaseFile(
      write('good', METADATA, { 'input.x': [1, 2], 'param.a.b': [3], 'expect.loss.ce': [4] }),
    )
    expect(file).toMatchObject({ kind: 'moma-step', config: { heads: 4 }, expected: ['loss.ce'] })
    expect(file.inputs.get('x')).toEqual({ shape: [2], data: Float32Array.of(1, 2) })
    expect(file.params.get('a.b')?.data).toEqual(Float32Array.of(3))
    expect(file.wanted.get('loss.ce')?.data).toEqual(Float32Array.of(4))
  })

  test.each([
    ['format', { ...METADATA, format: 'model' }, 'metadata.format must be reference-case, got "model"'],
    ['version', { ...METADATA, version: '2' }, 'metadata.version must be 1, got "2"'],
    ['config', { ...METADATA, config: '{heads' }, 'metadata.config must be JSON, got "{heads"'],
  ])('refuses another %s', (name, metadata, message) => {
    expect(() => readCaseFile(write(name, metadata, { 'input.x': [1] }))).toThrow(message)
  })

  test.each(['x', 'output.x', '__proto__.x', 'constructor.x'])('refuses a tensor named %s', (name) => {
    expect(() => readCaseFile(write('named', METADATA, { [name]: [1] }))).toThrow(
      'tensor names must begin with input., param. or expect.',
    )
  })

  test('refuses what is no file, and what is no safetensors file', () => {
    expect(() => readCaseFile(join(folder, 'missing'))).toThrow(
      expect.objectContaining({ code: 'ERR_CASE_FILE', message: 'case must be a readable file, got ENOENT' }),
    )
    expect(() => readCaseFile(folder)).toThrow('case must be a regular file, got another kind')
    const path = join(folder, 'noise.safetensors')
    writeFileSync(
      path,
      Uint8Array.from({ length: 200 }, (_, i) => (i * 37) % 256),
    )
    expect(() => readCaseFile(path)).toThrow(expect.objectContaining({ code: 'ERR_MODEL_FILE' }))
  })
})
