/** @file One writer a folder: the process whose id is in a lock file. */
import { open, readFile, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { explained } from './durable.ts'

/** Lock files that this process holds, beside the files themselves: an earlier process may have had the same id. */
const heldHere = new Set<string>()

/**
 * Takes the lock `file`; the returned function gives it back. `null`: another writer has it. The lock of a process that is gone is taken over.
 * @throws {TesseraError} ERR_STORE_WRITE
 */
export async function tryLock(file: string): Promise<(() => Promise<void>) | null> {
  const place = resolve(file)
  if (heldHere.has(place)) return null
  heldHere.add(place)
  // Twice: the first attempt may find the lock of a process that is gone.
  for (let attempt = 0; attempt < 2; attempt++) {
    if (await create(place)) {
      return async () => {
        await rm(place, { force: true })
        heldHere.delete(place)
      }
    }
    const owner = Number(await readFile(place, 'utf8').catch(() => '0'))
    if (owner !== process.pid && isAlive(owner)) break
    await rm(place, { force: true })
  }
  heldHere.delete(place)
  return null
}

function create(file: string): Promise<boolean> {
  return explained(async () => {
    try {
      const handle = await open(file, 'wx', 0o600)
      await handle.writeFile(String(process.pid))
      await handle.close()
      return true
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw cause
    }
  })
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid < 1) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}
