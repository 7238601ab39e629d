import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { parseCases } from '../../../../simulations/bench/federation/cases.ts'
import { results } from '../../../../simulations/bench/report/results.ts'
import { type FederationFlags, measureFederation } from '../../../../simulations/bench/verbs/federation.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const FLAGS: FederationFlags = {
  case: parseCases('small:3'),
  rounds: 1,
  slot: 1,
  minutes: 5,
  hosts: 1,
  python: '/nowhere/python',
  quick: true,
}

describe('measureFederation()', () => {
  test('measures us alone where no peer is installed, and says who is absent and what to type', async () => {
    const dir = await temporaryFolder()
    const out = join(dir, 'results.json')
    const written: string[] = []
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      written.push(String(text))
      return true
    })
    await measureFederation({ ...FLAGS, dir, out }).finally(() => write.mockRestore())
    const absent = written.filter((line) => line.includes('is absent'))
    expect(absent).toHaveLength(2)
    expect(absent[0]).toMatch(/^Flower, 1 tensor is absent: Python must be found.*pip install flwr numpy,/)
    const found = results.parse(JSON.parse(await readFile(out, 'utf8')))
    expect(found).toMatchObject({ kind: 'federation', absent: ['flower', 'nvflare'] })
    expect(found.contests[0]?.contenders).toMatchObject([
      {
        name: 'tessera',
        parts: { upload: expect.any(Number), publish: expect.any(Number), handOut: expect.any(Number) },
      },
    ])
  }, 120_000)
  test('a peer that was asked for must be there', async () => {
    await expect(measureFederation({ ...FLAGS, contenders: ['nvflare'] })).rejects.toMatchObject({
      code: 'ERR_BENCH_PEER',
      message: expect.stringMatching(/pip install nvflare numpy/),
    })
  })
  test('wants room on the disk before it starts anything', async () => {
    const dir = await temporaryFolder()
    const flags = { ...FLAGS, contenders: ['tessera'] as const, rounds: 1e9, case: parseCases('21mb:3') }
    const { quick: _, ...long } = flags
    await expect(measureFederation({ ...long, dir })).rejects.toMatchObject({
      code: 'ERR_USAGE',
      message: expect.stringMatching(/^folder must have \d+ GB free for this case, got \d+ GB: .*--dir$/),
    })
  })
})
