import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startFederation } from '../../../../simulations/bench/federation/run.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a federation of real processes runs the rounds that are asked for, and ends', async () => {
  const dir = await temporaryFolder()
  const federation = await startFederation({
    model: 'small',
    sites: 3,
    hosts: 2,
    dir,
    sitesDir: join(dir, 'sites'),
  })
  try {
    const taken = [...(await federation.rounds(1)), ...(await federation.rounds(2))]
    expect(taken).toHaveLength(3)
    for (const { seconds, upload, publish, handOut } of taken) {
      expect(seconds).toBeGreaterThan(0)
      expect(upload).toBeGreaterThan(0)
      expect(upload + publish + handOut).toBeLessThanOrEqual(seconds + 1e-9)
    }
    expect(await readdir(join(dir, 'sites'))).toHaveLength(3)
    expect(alive(federation.coordinator)).toBe(true)
  } finally {
    await federation.stop()
  }
  expect(alive(federation.coordinator)).toBe(false)
}, 120_000)

test('a federation that loses its coordinator says so', async () => {
  const dir = await temporaryFolder()
  const federation = await startFederation({
    model: 'small',
    sites: 1,
    hosts: 1,
    dir,
    sitesDir: join(dir, 'sites'),
  })
  try {
    process.kill(federation.coordinator, 'SIGKILL')
    await expect(federation.rounds(1)).rejects.toMatchObject({
      code: 'ERR_INTERNAL',
      message: expect.stringMatching(/^internal: coordinator-host must run, got its end, SIGKILL/),
    })
  } finally {
    await federation.stop()
  }
}, 120_000)
