/** @file The statement about a study's removed deltas, in a coordinator's folder. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing, writeDurably } from '@tessera/shared/files'
import type { Signed } from '@tessera/shared/protocol'
import { type KeyPair, readUnverified, signPayload } from '@tessera/shared/security'

/** The last round whose deltas the ledger says were removed; 0 if it says nothing. */
export async function prunedThrough(dir: string, study: string): Promise<number> {
  const statement = await readPruned(dir, study)
  return statement === null ? 0 : readUnverified('pruned', statement).through
}

/** The statement about a study's removed deltas in a coordinator's folder, or null. */
export async function readPruned(dir: string, study: string): Promise<string | null> {
  return readFile(prunedFile(dir, study), 'utf8').catch((cause: unknown) => {
    if (isMissing(cause)) return null
    throw cause
  })
}

/**
 * Says under the coordinator's key which deltas were removed, unless as much is said already. Before the first file goes: a crash in between leaves
 * a statement that is too wide, not a gap that nobody explains.
 */
export async function statePruned(dir: string, statement: Signed<'pruned'>, key: KeyPair): Promise<void> {
  const { study, through } = statement
  if ((await prunedThrough(dir, study)) >= through) return
  await writeDurably(prunedFile(dir, study), await signPayload('pruned', statement, key.privateKey))
}

function prunedFile(dir: string, study: string): string {
  return join(dir, 'ledger', `${study}.pruned.jws`)
}
