import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { processorSeconds } from '../../../../simulations/bench/federation/processor-time.ts'

describe.runIf(process.platform === 'linux')('processorSeconds()', () => {
  test('is what the system says of this process, with the children that have ended', () => {
    spawnSync(process.execPath, ['-e', 'for (let i = 0; i < 1e8; i++);'])
    const { user, system } = process.cpuUsage()
    const seconds = processorSeconds([process.pid]) ?? 0
    // Node's own count is without children; both grow while they are read.
    expect(seconds).toBeGreaterThan((user + system) / 1e6 - 0.05)
    expect(processorSeconds([process.pid, process.pid])).toBeGreaterThan(seconds)
  })
  test('is null for a process that is gone', () => {
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    expect(processorSeconds([process.pid, pid])).toBeNull()
  })
})
