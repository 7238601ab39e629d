/** @file Which versions of Tessera work together: those that are one minor version apart, or less. */
import { TesseraError } from '../errors.ts'

/** Of this code: the one that stands in package.json. */
export const TESSERA_VERSION = '0.1.0'

const VERSION = /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:-[0-9A-Za-z.-]{1,20})?$/

/**
 * A federation is upgraded one machine after the other, and each hospital has its own week for that: so the one version before and the one after are
 * understood. More would mean that every change of the protocol has to be kept alive in both for years.
 * @param agent As the site's agent says it.
 * @throws {TesseraError} ERR_VERSION_SKEW if they are further apart, saying which of the two to upgrade.
 */
export function assertWorksTogether(agent: string, coordinator: string = TESSERA_VERSION): void {
  const [theirs, ours] = [parsed(agent), parsed(coordinator)]
  if (theirs === null || ours === null) {
    throw skew('be a version of Tessera', 'another text', 'upgrade the agent')
  }
  const apart = theirs.major === ours.major ? theirs.minor - ours.minor : theirs.major - ours.major
  if (theirs.major === ours.major && Math.abs(apart) <= 1) return
  const older = apart < 0 ? 'upgrade the agent' : 'upgrade the coordinator'
  throw skew(
    `be at most one minor version from the coordinator's ${coordinator}`,
    `${theirs.major}.${theirs.minor}.${theirs.patch}`,
    older,
  )
}

function parsed(text: string): { major: number; minor: number; patch: number } | null {
  const found = VERSION.exec(text)
  return found && { major: Number(found[1]), minor: Number(found[2]), patch: Number(found[3]) }
}

function skew(rule: string, got: string, what: string): TesseraError {
  return new TesseraError('ERR_VERSION_SKEW', `agent must ${rule}, got ${got}: ${what}`)
}
