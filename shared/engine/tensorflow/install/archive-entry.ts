/** @file Names and sizes inside an archive, checked before anything is written. */
import { TesseraError } from '../../../errors.ts'

/**
 * Refuses a name that would be written outside the folder it is unpacked into.
 * @param role What the archive is, for the sentence.
 * @throws {TesseraError} ERR_ENGINE_ARCHIVE
 */
export function checkEntryName(role: string, name: string): void {
  const bad =
    name === '' ||
    name.length > 1000 ||
    name.startsWith('/') ||
    /^[a-zA-Z]:/.test(name) ||
    // A backslash or a NUL means different things to different systems.
    name.includes('\\') ||
    name.includes('\0') ||
    name.split('/').includes('..')
  if (bad) throw archiveRefused(role, 'hold only names inside its folder', JSON.stringify(name.slice(0, 200)))
}

/** @throws {TesseraError} ERR_ENGINE_ARCHIVE if `bytes` is more than `max`. */
export function checkEntrySize(role: string, bytes: number, max: number): void {
  if (bytes > max) throw archiveRefused(role, `hold at most ${max} bytes`, `${bytes} or more`)
}

/** The failure of an archive: `<role> must <rule>, got <value>`. */
export function archiveRefused(role: string, rule: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_ENGINE_ARCHIVE', `${role} must ${rule}, got ${got}`, { cause })
}
