/**
 * @file The border's checks of a judgement: size, unpack, schema, signature, sender, site state, fit. Which student it may be of, and that it is said once,
 * is the rounds' to say, at the moment when it is written down.
 */
import { TesseraError } from '@tessera/shared/errors'
import { itemsOf } from '@tessera/shared/metrics'
import { type Judgement, MAX_SAMPLES } from '@tessera/shared/protocol'
import { readUnverified, verifyPayload } from '@tessera/shared/security'
import type { Border } from './border.ts'
import { checkSender, checkSiteState, knownSite } from './manifest-checks.ts'

/**
 * Gives a judgement that may be taken in.
 * @throws {TesseraError} The code of the first check that fails.
 */
export async function admitJudgement(token: string, border: Border): Promise<Judgement> {
  readUnverified('judgement', token) // size, unpack, schema
  const judgement = await verifyPayload('judgement', token, knownSite(border, border.site).publicKey)
  checkSender(border, judgement)
  checkSiteState(border, judgement.site)
  checkFit(border, judgement)
  return judgement
}

/** @throws {TesseraError} ERR_JUDGEMENT_FIT unless it is of the part that the study judges on, and tells its classes' counts or why it does not. */
function checkFit({ study }: Border, { part, counts, withheld }: Judgement): void {
  const { judging, classes } = study
  if (judging === undefined) throw misfit('be of a study that judges', `one of ${study.id}`)
  if (part !== judging.part) throw misfit(`be of part ${judging.part}`, part)
  if ((counts === null) !== (withheld !== null))
    throw misfit('have counts or say why not', counts === null ? 'neither' : 'both')
  if (counts === null) return
  const K = classes.length
  if (counts.length !== K || counts.some((row) => row !== null && row.length !== K)) {
    throw misfit(`count ${K} by ${K} classes`, 'another matrix')
  }
  const items = itemsOf(counts)
  if (items === 0 || items > MAX_SAMPLES) throw misfit(`be of 1 to ${MAX_SAMPLES} tiles`, String(items))
}

function misfit(rule: string, got: string): TesseraError {
  return new TesseraError('ERR_JUDGEMENT_FIT', `judgement must ${rule}, got ${got}`)
}
