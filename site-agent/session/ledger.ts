/** @file The published records that this site has seen, as a chain: one file a round, each naming the hash of the one before. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { writeDurably } from '@tessera/shared/files'
import type { Published } from '@tessera/shared/protocol'
import { readUnverified, sha256Hex, verifyPayload } from '@tessera/shared/security'

/** Where a study's ledger lives in a site's folder. */
export function ledgerFolder(dir: string, study: string): string {
  return join(dir, 'state', study, 'ledger')
}

export interface Ledger {
  /** Latest round whose record is here; 0 when there is none. */
  last(): number
  /** That round's record; null when there is none. @throws {TesseraError} ERR_STORE_CORRUPT if its file cannot be read. */
  latest(): Promise<LatestRecord | null>
  /** The records from this round to the last, in order. @throws {TesseraError} ERR_STORE_CORRUPT */
  since(round: number): Promise<Published[]>
  /** SHA-256 of the student that a round has published. @throws {TesseraError} ERR_STORE_CORRUPT if its record is not here. */
  studentAfter(round: number): Promise<string>
  /**
   * Takes a record in, if it is the next.
   * @throws {TesseraError} ERR_SIGNATURE_INVALID, ERR_MESSAGE_INVALID; ERR_STUDY_UNKNOWN if it is another study's; ERR_LEDGER_BROKEN if it does
   * not follow from the record before, or another record of its round is here.
   */
  accept(token: string): Promise<Accepted>
}

/** A record of the coordinator's. */
export interface Accepted {
  readonly record: Published
  /** `ahead`: rounds between the last record and this one are missing; they were published while the site was away. */
  readonly as: 'next' | 'known' | 'ahead'
}

/** The newest record of a ledger. */
export interface LatestRecord {
  readonly round: number
  /** As it was signed. */
  readonly token: string
  /** The student that it names. */
  readonly student: string
}

/**
 * Opens `dir`, which need not exist.
 * @param plan Gives the SHA-256 of the pinned plan: what was said before a first join is looked at after it. @param keyOf Gives the key that must have signed a round's record.
 */
export async function openLedger(
  dir: string,
  { study, plan }: { study: string; plan: () => string },
  keyOf: (study: string, round: number) => string,
): Promise<Ledger> {
  const fileOf = (round: number): string => join(dir, `round-${round}.jws`)
  const names = await readdir(dir).catch(() => [])
  const rounds = new Set(names.flatMap((name) => /^round-(\d+)\.jws$/.exec(name)?.[1] ?? []).map(Number))
  // Up to the first gap: what an older version has left behind one is fetched again.
  let last = 0
  while (rounds.has(last + 1)) last++
  /** What is asked of the last record at each offer; null: its file has not been read. A record of a thousand sites is read in milliseconds. */
  let newest: { readonly student: string; readonly hash: string } | null = null
  const hashOf = async (round: number): Promise<string> => {
    if (round === last && newest !== null) return newest.hash
    const token = await readFile(fileOf(round), 'utf8').catch(() => null)
    return token === null ? '' : sha256Hex(token)
  }
  const read = (round: number): Promise<string> =>
    readFile(fileOf(round), 'utf8').catch((cause: unknown) => {
      throw new TesseraError('ERR_STORE_CORRUPT', 'record must be readable, got an error', { cause })
    })
  return {
    last: () => last,
    async latest() {
      if (last === 0) return null
      const [round, known] = [last, newest]
      const token = await read(round)
      return { round, token, student: known?.student ?? readUnverified('published', token).student }
    },
    async since(round) {
      const found: Published[] = []
      // Verified when they were taken in; the files are this site's own.
      for (let at = round; at <= last; at++) found.push(readUnverified('published', await read(at)))
      return found
    },
    studentAfter: async (round) => readUnverified('published', await read(round)).student,
    async accept(token) {
      const record = await verifyPayload('published', token, (claimed) => keyOf(study, claimed.round))
      if (record.study !== study) {
        throw new TesseraError('ERR_STUDY_UNKNOWN', `record must be of study ${study}, got ${record.study}`)
      }
      if (record.round > last + 1) return { record, as: 'ahead' }
      const hash = sha256Hex(token)
      const known = await hashOf(record.round)
      if (known === hash) return { record, as: 'known' }
      if (known !== '') throw broken(`be the only one of round ${record.round}`, 'a second')
      if (record.plan !== plan()) {
        throw new TesseraError('ERR_PLAN_CHANGED', `record must be of plan ${plan()}, got ${record.plan}`)
      }
      if (record.previous !== (await hashOf(record.round - 1))) {
        throw broken(`follow from round ${record.round - 1}`, 'another hash of its record')
      }
      await writeDurably(fileOf(record.round), token)
      if (record.round >= last) {
        last = record.round
        newest = { student: record.student, hash }
      }
      return { record, as: 'next' }
    },
  }
}

function broken(rule: string, got: string): TesseraError {
  return new TesseraError('ERR_LEDGER_BROKEN', `record must ${rule}, got ${got}`)
}
