import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const program = fileURLToPath(new URL('bits.ts', import.meta.url))

async function hashes(threads: number): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program], {
    cwd: fileURLToPath(new URL('../../../../', import.meta.url)),
    env: { ...process.env, TESSERA_THREADS: String(threads) },
    maxBuffer: 2 ** 24,
  })
  return JSON.parse(stdout) as string[]
}

test('every kernel gives the same bits on 1, 2 and 3 threads, for random shapes', {
  timeout: 120_000,
}, async () => {
  const want = await hashes(1)
  expect(want.length).toBeGreaterThan(120)
  for (const threads of [2, 3]) expect(await hashes(threads)).toEqual(want)
})
