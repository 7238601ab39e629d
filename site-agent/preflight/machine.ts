/** @file What a preflight measures on the machine. Given as an argument: tests give their own. */
import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { freemem } from 'node:os'
import { dirname } from 'node:path'

export interface Machine {
  /** On the disk that a folder lies on, or will lie on. */
  freeDiskBytes(folder: string): Promise<number>
  /** What can be taken without anyone having to give it up; of a container, up to its limit. */
  freeMemoryBytes(): number
  usedMemoryBytes(): number
  /** Starts the engine; one line that says what runs. */
  startEngine(): Promise<string>
}

export const thisMachine: Machine = {
  async freeDiskBytes(folder) {
    let place = folder
    while (!existsSync(place) && dirname(place) !== place) place = dirname(place)
    const { bavail, bsize } = await statfs(place)
    return bavail * bsize
  },
  freeMemoryBytes() {
    const limit = process.constrainedMemory() ?? 0
    // Without a limit it is 0, or a number beyond any memory.
    const withinLimit = limit > 0 ? limit - process.memoryUsage.rss() : Number.POSITIVE_INFINITY
    return Math.max(0, Math.min(freemem(), withinLimit))
  },
  usedMemoryBytes: () => process.memoryUsage.rss(),
  async startEngine() {
    const { startEngine } = await import('@tessera/shared/engine')
    return (await startEngine()).description
  },
}
