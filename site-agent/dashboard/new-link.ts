/** @file One-time links to the page, for the people of this machine. */
import type { Clock } from '@tessera/shared/clock'
import { makeLink } from '@tessera/shared/web'
import { linkFolder } from './address.ts'

/** Whoever may write into the site's folder: a site has one kind of person. */
const PERSON = { role: 'operator', name: 'site' } as const

/** Makes a link with which one person signs in, once. Its secret stands behind `#`, so that no server's log has it. @throws {TesseraError} ERR_STORE_WRITE */
export async function newLink(
  dir: string,
  url: string,
  clock: Clock,
): Promise<{ readonly link: string; readonly expiresAtMs: number }> {
  const { secret, expiresAtMs } = await makeLink(linkFolder(dir), PERSON, clock)
  return { link: `${url}#sign-in=${secret}`, expiresAtMs }
}
