/** @file Is there room for an engine? */
import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TesseraError } from '../../../errors.ts'

/** Room for the wheel and what is taken out of it, and as much again as pip writes meanwhile. */
const NEEDED_BYTES = { cpu: 1.7e9, gpu: 12e9 } as const

/** Free bytes on the disk that a folder lies on or will lie on. */
export async function freeBytes(folder: string): Promise<number> {
  let place = folder
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place)
  const { bavail, bsize } = await statfs(place)
  return bavail * bsize
}

/** @throws {TesseraError} ERR_ENGINE_DISK if `free` is less than an installation takes. */
export function checkRoom(free: number, gpu: boolean): void {
  const needed = gpu ? NEEDED_BYTES.gpu : NEEDED_BYTES.cpu
  if (free >= needed) return
  throw new TesseraError(
    'ERR_ENGINE_DISK',
    `free disk must be ${gigabytes(needed)} or more, got ${gigabytes(free)}`,
  )
}

/** What a failed write becomes when the disk is full: the same failure, with a code. */
export function asDiskFailure(thrown: unknown): unknown {
  if ((thrown as NodeJS.ErrnoException | null)?.code !== 'ENOSPC') return thrown
  return new TesseraError('ERR_ENGINE_DISK', 'disk must have room, got one that is full', { cause: thrown })
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`
