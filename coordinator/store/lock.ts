/** @file One writer a folder: the process whose id is in `coordinator.lock`. */
import { open, readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/** Folders that this process holds, beside the lock files: another process may have had the same id. */
const heldHere = new Set<string>()

/** Takes the folder; the returned function gives it back. `null`: another writer has it. */
export async function tryLock(dir: string): Promise<(() => Promise<void>) | null> {
  const file = join(resolve(dir), 'coordinator.lock')
  if (heldHere.has(file)) return null
  heldHere.add(file)
  // Twice: the first attempt may find the lock of a process that is gone.
  for (let attempt = 0; attempt < 2; attempt++) {
    if (await create(file)) {
      return async () => {
        await rm(file, { force: true })
        heldHere.delete(file)
      }
    }
    const owner = Number(await readFile(file, 'utf8').catch(() => '0'))
    if (owner !== process.pid && isAlive(owner)) break
    await rm(file, { force: true })
  }
  heldHere.delete(file)
  return null
}

async function create(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600)
    await handle.writeFile(String(process.pid))
    await handle.close()
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw cause
  }
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
