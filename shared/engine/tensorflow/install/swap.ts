/**
 * @file Puts a finished folder where the engine lies, and clears what an installation left that was ended without a chance to clean up.
 *
 * Beside the engine `E` there may be `E.new-PID` (being built) and `E.old-PID` (the one before, about to go).
 */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { TesseraError } from '../../../errors.ts'
import { syncFolder } from '../../../files/index.ts'
import { ADDON_FILE, MANIFEST_FILE } from '../folder.ts'

/**
 * Refuses a folder that holds something else than an engine: what is installed over or removed must be ours.
 * @throws {TesseraError} ERR_ENGINE_MANIFEST
 */
export function checkOurs(engine: string): void {
  if (!existsSync(engine)) return
  const names = readdirSync(engine)
  const ours = [MANIFEST_FILE, ADDON_FILE].every((name) => names.includes(name))
  if (names.length === 0 || ours) return
  throw new TesseraError(
    'ERR_ENGINE_MANIFEST',
    "engine's folder must be empty or hold an engine, got one with other files",
  )
}

/** Makes the folder that this process builds in, beside the engine: a rename cannot leave its disk. */
export async function createWorkplace(engine: string): Promise<string> {
  const place = `${engine}.new-${process.pid}`
  await rm(place, { recursive: true, force: true })
  await mkdir(place, { recursive: true, mode: 0o755 })
  return place
}

/** Gives `finished` the engine's name. Two renames without a pause between them; a crash there is mended by {@link clearLeftovers}. */
export async function putInPlace(finished: string, engine: string): Promise<void> {
  const old = `${engine}.old-${process.pid}`
  if (existsSync(engine)) renameSync(engine, old)
  renameSync(finished, engine)
  await syncFolder(dirname(engine))
  await rm(old, { recursive: true, force: true })
}

/**
 * Removes folders that other, dead installations left; puts an engine back that was moved away and not replaced.
 * @param isAlive Whether a process of this id runs.
 */
export function clearLeftovers(engine: string, isAlive: (pid: number) => boolean): void {
  const parent = dirname(engine)
  if (!existsSync(parent)) return
  for (const name of readdirSync(parent)) {
    const [, kind = '', pid] = /^(.*\.(?:new|old)-)(\d+)$/.exec(name) ?? []
    const mine = kind === `${basename(engine)}.new-` || kind === `${basename(engine)}.old-`
    if (!mine || isAlive(Number(pid))) continue
    const place = join(parent, name)
    if (kind.endsWith('.old-') && !existsSync(engine)) renameSync(place, engine)
    else rmSync(place, { recursive: true, force: true })
  }
}

/** Removes the engine. @returns False when there was none. */
export async function removeEngine(engine: string): Promise<boolean> {
  clearLeftovers(engine, isProcessAlive)
  if (!existsSync(engine)) return false
  checkOurs(engine)
  // Renamed first: an engine that is half removed must not be found.
  const old = `${engine}.old-${process.pid}`
  renameSync(engine, old)
  await rm(old, { recursive: true, force: true })
  return true
}

/** Whether a process of this id runs, as far as this process may know. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Removes a folder and all it holds; nothing happens when there is none. */
export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
}
