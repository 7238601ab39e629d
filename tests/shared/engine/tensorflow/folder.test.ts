import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import {
  type EngineManifest,
  engineFolder,
  MANIFEST_FILE,
  readManifest,
} from '../../../../shared/engine/tensorflow/folder.ts'

const folder = mkdtempSync(join(tmpdir(), 'tessera-engine-'))
afterAll(() => rmSync(folder, { recursive: true }))

const hash = 'a'.repeat(64)
const manifest: EngineManifest = {
  format: 1,
  tensorflow: { version: '2.21.0', wheel: 'tensorflow_cpu-2.21.0.whl', sha256: hash },
  package: { name: '@tensorflow/tfjs-node-gpu', version: '4.22.0', integrity: 'sha512-x' },
  gpu: false,
  platform: 'linux-x64',
  node: 'v20.20.2',
  compiler: { command: 'g++', version: 'g++ 12.2.0', flags: ['-O3'] },
  processor: { model: 'x', features: hash },
  sources: hash,
  headers: { files: 1, bytes: 1, sha256: hash },
  files: { 'tessera.node': { bytes: 1, sha256: hash } },
}

function written(content: unknown): string {
  const place = mkdtempSync(join(folder, 'engine-'))
  writeFileSync(join(place, MANIFEST_FILE), typeof content === 'string' ? content : JSON.stringify(content))
  return place
}

describe('engineFolder()', () => {
  test.each([
    [{ HOME: '/home/a' }, '/home/a/.cache/tessera/engine'],
    [{ HOME: '/home/a', XDG_CACHE_HOME: '/cache' }, '/cache/tessera/engine'],
    [{ HOME: '/home/a', XDG_CACHE_HOME: 'relative' }, '/home/a/.cache/tessera/engine'],
    [{ HOME: '/home/a', XDG_CACHE_HOME: '/cache', TESSERA_ENGINE_DIR: '/e' }, '/e'],
    [{ HOME: '/home/a', TESSERA_ENGINE_DIR: '' }, '/home/a/.cache/tessera/engine'],
  ])('%o is %s', (env, want) => {
    expect(engineFolder(env)).toBe(want)
  })
})

describe('readManifest()', () => {
  test('gives back what was written', () => {
    expect(readManifest(written(manifest))).toEqual(manifest)
  })
  test('is null where no engine is installed', () => {
    expect(readManifest(join(folder, 'nowhere'))).toBeNull()
  })
  test.each([
    ['no JSON', 'not json'],
    ['an unknown field', { ...manifest, extra: 1 }],
    ['a field left out', { ...manifest, sources: undefined }],
    ['another format', { ...manifest, format: 2 }],
    ['a hash that is none', { ...manifest, sources: 'zz' }],
    ['a size below zero', { ...manifest, files: { x: { bytes: -1, sha256: hash } } }],
    ['a megabyte and more', ' '.repeat(1_000_001)],
  ])('refuses %s', (_, content) => {
    expect(() => readManifest(written(content))).toThrowError(
      expect.objectContaining({
        code: 'ERR_ENGINE_MANIFEST',
        message: expect.stringMatching('^manifest of the engine must be one of this version, got ') as string,
      }),
    )
  })
})
