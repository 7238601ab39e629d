/**
 * @file Which files have to survive a power cut: all, but for those below a folder whose owner has said that they need not. What is there whole or not at
 * all stays so when the process is killed, for the system has it by then; only the wait for the disk falls away.
 */
import type { FileHandle } from 'node:fs/promises'
import { resolve, sep } from 'node:path'

/** Folders that go with the machine's power, each with a separator at its end. */
const exempt = new Set<string>()

/**
 * Lets the files below `folder` go with the machine's power, until the returned function is called. For a simulation, whose federation is begun anew
 * after a power cut, and which would wait for the disk most of its time. Never for what somebody else counts on.
 */
export function exemptFromPowerCuts(folder: string): () => void {
  const place = `${resolve(folder)}${sep}`
  exempt.add(place)
  return () => void exempt.delete(place)
}

/** False for what lies below an exempt folder. */
export function survivesPowerCuts(file: string): boolean {
  if (exempt.size === 0) return true
  const place = resolve(file)
  for (const folder of exempt) if (place.startsWith(folder)) return false
  return true
}

/** Returns when what was written through `handle`, of `file`, is as safe as it has to be. */
export async function settle(handle: FileHandle, file: string): Promise<void> {
  if (survivesPowerCuts(file)) await handle.sync()
}
