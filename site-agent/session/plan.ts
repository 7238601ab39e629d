/** @file The study's plan as this site joined it first, `state/<study>/plan.jws`. Everything later is held against it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing, writeDurably } from '@tessera/shared/files'

/** Where the pinned plan is. */
export function planFile(dir: string, study: string): string {
  return join(dir, 'state', study, 'plan.jws')
}

/**
 * Pins a verified plan, or holds it against the one that is pinned.
 * @throws {TesseraError} ERR_PLAN_CHANGED, ERR_STORE_CORRUPT, ERR_STORE_WRITE
 */
export async function pinPlan(dir: string, study: string, token: string): Promise<void> {
  const pinned = await readFile(planFile(dir, study), 'utf8').catch((cause: unknown) => {
    if (isMissing(cause)) return null
    throw new TesseraError('ERR_STORE_CORRUPT', 'pinned plan must be readable, got an error', { cause })
  })
  if (pinned === null) return writeDurably(planFile(dir, study), token)
  if (pinned !== token) {
    throw new TesseraError(
      'ERR_PLAN_CHANGED',
      `study ${study} must stay as it was when this site joined it, got another plan`,
    )
  }
}
