/**
 * @file What people say to a running agent: pause, yes to a round, and that the site leaves a study. Each is a file in the site's folder, so that it outlives a restart, and the gate
 * looks for it at every frame, so that it holds at once. To look costs microseconds.
 */
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { explained, isMissing, writeDurably } from '@tessera/shared/files'

const pauseFile = (dir: string): string => join(dir, 'paused')
const approvalFile = (dir: string, study: string, round: number): string =>
  join(dir, 'approvals', study, `round-${round}`)
const leaveFile = (dir: string, study: string): string => join(dir, 'left', study)

/** True while nothing of a study may leave. */
export function isPaused(dir: string): boolean {
  return existsSync(pauseFile(dir))
}

/** When the pause began, as an ISO time; null when there is none. */
export async function pausedSince(dir: string): Promise<string | null> {
  return readFile(pauseFile(dir), 'utf8').then(
    (text) => text.trim(),
    (cause: unknown) => (isMissing(cause) ? null : ''),
  )
}

/** Pauses; a pause that is there stays. @throws {TesseraError} ERR_STORE_WRITE */
export async function pause(dir: string, nowMs: number): Promise<void> {
  if (!isPaused(dir)) await writeDurably(pauseFile(dir), `${new Date(nowMs).toISOString()}\n`)
}

/** Ends the pause. @throws {TesseraError} ERR_STORE_WRITE */
export async function resume(dir: string): Promise<void> {
  await explained(() => rm(pauseFile(dir), { force: true }))
}

/** True when a person has said that the round's update may leave. */
export function isApproved(dir: string, study: string, round: number): boolean {
  return existsSync(approvalFile(dir, study, round))
}

/** Says so. @throws {TesseraError} ERR_STORE_WRITE */
export async function approve(dir: string, study: string, round: number, nowMs: number): Promise<void> {
  await writeDurably(approvalFile(dir, study, round), `${new Date(nowMs).toISOString()}\n`)
}

/** True when the site has left the study. */
export function hasLeft(dir: string, study: string): boolean {
  return existsSync(leaveFile(dir, study))
}

/** Leaves; what has left of the study stays in the audit log, and its receipts stay. @throws {TesseraError} ERR_STORE_WRITE */
export async function leave(dir: string, study: string, nowMs: number): Promise<void> {
  if (!hasLeft(dir, study)) await writeDurably(leaveFile(dir, study), `${new Date(nowMs).toISOString()}\n`)
}

/** Takes the leave back. @throws {TesseraError} ERR_STORE_WRITE */
export async function rejoin(dir: string, study: string): Promise<void> {
  await explained(() => rm(leaveFile(dir, study), { force: true }))
}

/** What stands against work for a study that the site has left. */
export function leftStudy(study: string): TesseraError {
  return new TesseraError(
    'ERR_POLICY_LEFT',
    `site must take part in study ${study} (tessera site rejoin --study ${study}), got its leave`,
  )
}
