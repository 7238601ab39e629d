/** @file What `tessera ledger verify` does, for tests. */
import { openLedgers, verifyLedger } from '@tessera/coordinator/ledger'

/** Rounds of a study whose students follow from the kept deltas, computed again. @throws {TesseraError} ERR_LEDGER_BROKEN if one does not. */
export async function verifiedRounds(dir: string, study: string): Promise<number> {
  const ledger = (await openLedgers(dir)).find(({ created }) => created.study.id === study)
  if (ledger === undefined) throw new Error(`no ledger of ${study}`)
  return (await verifyLedger(ledger)).recomputed
}
