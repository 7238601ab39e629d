/** @file A site that finds out, after it has joined, that it cannot train: the round that is on its way to it is told so. */
import type { Clock } from '@tessera/shared/clock'
import type { TesseraError } from '@tessera/shared/errors'
import type { Connection } from '../uplink/connection.ts'
import type { Errand, Mailbox } from './mailbox.ts'

/** How long an offer that followed the join may be under way: the slowest link that is worth training over. */
const OFFER_GRACE_MS = 1000

/** Without tiles there will be no round; a round that waits for this site until its deadline, a day perhaps, should know. */
export async function declineComing(
  mailbox: Mailbox,
  { ask }: Connection,
  { code }: TesseraError,
  clock: Clock,
): Promise<void> {
  const grace = new AbortController()
  const cancel = clock.schedule(() => grace.abort(), OFFER_GRACE_MS)
  const next = (): Promise<Errand | null> => mailbox.next(grace.signal).catch(() => null)
  let errand = await next()
  // Without tiles nothing is judged either.
  while (errand?.kind === 'judge') errand = await next()
  cancel()
  if (errand === null) return
  const { offer } = errand
  await ask('round:decline', { study: offer.study, round: offer.round, code }).catch(() => undefined)
}
