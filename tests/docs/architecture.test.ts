import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { forbiddenImports, importedModules } from '../support/imports.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const sources = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', '*.tsx'],
  {
    cwd: root,
    encoding: 'utf8',
  },
)
  .split('\n')
  .filter(
    (file) =>
      /^(shared|dashboard|coordinator|site-agent|simulations|cli)\//.test(file) &&
      !file.includes('/assembly/'),
  )

describe('direction of dependency', () => {
  test('no source file imports against it', () => {
    expect(sources.length).toBeGreaterThan(10)
    expect(sources.flatMap((file) => forbiddenImports(file, readFileSync(`${root}${file}`, 'utf8')))).toEqual(
      [],
    )
  })
  test.each([
    ['coordinator/server.ts', `import { x } from '@tessera/site-agent'`],
    ['coordinator/server.ts', `import * as tf from '@tensorflow/tfjs-core'`],
    ['coordinator/server.ts', `import { y } from '../site-agent/data/index.ts'`],
    ['coordinator/studies/create.ts', `import { InferenceSession } from 'onnxruntime-node'`],
    ['site-agent/distill/trainer.ts', `await import('onnxruntime-node')`],
    ['site-agent/agent.ts', `import sharp from 'sharp'`],
    ['site-agent/agent.ts', `const c = await import('@tessera/coordinator')`],
    ['shared/log.ts', `export { z } from '../simulations/index.ts'`],
    ['dashboard/components/chart.tsx', `import { readFile } from 'node:fs/promises'`],
    ['dashboard/coordinator/api.ts', `import { createOffice } from '@tessera/coordinator'`],
    ['dashboard/coordinator/api.ts', `import { sha256Hex } from '@tessera/shared/security'`],
    ['coordinator/server.ts', `import { text } from '../dashboard/text/en.ts'`],
    ['coordinator/rounds/state.ts', `import { readFile } from 'node:fs/promises'`],
  ])('%s with %s is refused', (file, source) => {
    expect(forbiddenImports(file, source)).not.toEqual([])
  })
  test('an import in a comment does not count', () => {
    expect(importedModules(`// import 'sharp'\n/** from 'sharp' */ import a from 'b'`)).toEqual(['b'])
  })
  test('the coordinator declares no dependency on TensorFlow.js', () => {
    const { dependencies } = JSON.parse(readFileSync(`${root}coordinator/package.json`, 'utf8')) as {
      dependencies: object
    }
    expect(Object.keys(dependencies).filter((name) => name.startsWith('@tensorflow/'))).toEqual([])
  })
})
