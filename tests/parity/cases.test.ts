import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type EngineChoice, startEngine } from '@tessera/shared/engine'
import { beforeAll, describe, expect, test } from 'vitest'
import { readCaseFile } from '../../cli/verify/case-file.ts'
import { compareCase } from '../../cli/verify/compare.ts'

const folder = fileURLToPath(new URL('cases', import.meta.url))
const names = readdirSync(folder).filter((name) => name.endsWith('.safetensors'))

// What `tessera verify tests/parity/cases` does, tensor by tensor within its limits: 1e-4 relative, a loss 1e-5.
describe.each<EngineChoice>(['wasm', 'cpu'])('reference cases on %s', (engine) => {
  beforeAll(async () => {
    await startEngine({ engine })
  })

  test.each(names)('%s', async (name) => {
    const differences = await compareCase(readCaseFile(`${folder}/${name}`))
    expect(differences.length).toBeGreaterThan(0)
    expect(differences.filter(({ passes }) => !passes)).toEqual([])
  })
})
