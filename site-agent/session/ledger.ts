/** @file The published records that this site has seen, as a chain: one file a round, each naming the hash of the one before. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { writeDurably } from '@tessera/shared/files'
import type { Published } from '@tessera/shared/protocol'
import { assertSigned, readUnverified, sha256Hex } from '@tessera/shared/security'

/** Where a study's ledger lives in a site's folder. */
export function ledgerFolder(dir: string, study: string): string {
  return join(dir, 'state', study, 'ledger')
}

export interface Ledger {
  /** Latest round whose record is here; 0 when there is none. */
  last(): number
  /** That round's record, as it was signed; null when there is none. @throws {TesseraError} ERR_STORE_CORRUPT if its file cannot be read. */
  latest(): Promise<{ readonly round: number; readonly token: string } | null>
  /** What the next offer and the next record are held against: the latest record. Null and errors as {@link Ledger.latest}. */
  head(): Promise<Head | null>
  /** The records from this round to the last, in order. @throws {TesseraError} ERR_STORE_CORRUPT */
  since(round: number): Promise<Published[]>
  /** True when rounds between the last record and that of `round` are missing: they were published while the site was away. */
  lacks(round: number): boolean
  /**
   * Takes a record in. `null`: it is here already.
   * @param record What `readUnverified` gives of it: nobody has verified that yet.
   * @throws {TesseraError} ERR_SIGNATURE_INVALID, ERR_MESSAGE_INVALID; ERR_STUDY_UNKNOWN if it is another study's; ERR_LEDGER_BROKEN if it does
   * not follow from the record before, or another record of its round is here.
   */
  accept(token: string, record: Published): Promise<Published | null>
}

/** A record, as far as what follows it has to agree with it. */
export interface Head {
  readonly round: number
  /** Of its text. */
  readonly sha256: string
  /** SHA-256 of its student. */
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
  /** Read when it is first asked for. */
  let head: Promise<Head | null> | null = null
  /** `''`: it is not here. */
  const hashOf = async (round: number): Promise<string> => {
    if (!rounds.has(round)) return ''
    if (head !== null && (await head)?.round === round) return (await head)?.sha256 ?? ''
    const token = await readFile(fileOf(round), 'utf8').catch(() => null)
    return token === null ? '' : sha256Hex(token)
  }
  const read = (round: number): Promise<string> =>
    readFile(fileOf(round), 'utf8').catch((cause: unknown) => {
      throw new TesseraError('ERR_STORE_CORRUPT', 'record must be readable, got an error', { cause })
    })
  /** The hash and not the text, which names every contributor: there may be a thousand of them. */
  const readHead = async (): Promise<Head | null> => {
    if (last === 0) return null
    const token = await read(last)
    // Verified when it was taken in.
    const { round, student } = readUnverified('published', token)
    return { round, sha256: sha256Hex(token), student }
  }
  return {
    last: () => last,
    head() {
      head ??= readHead()
      return head
    },
    latest: async () => (last === 0 ? null : { round: last, token: await read(last) }),
    async since(round) {
      const found: Published[] = []
      // Verified when they were taken in; the files are this site's own.
      for (let at = round; at <= last; at++) found.push(readUnverified('published', await read(at)))
      return found
    },
    lacks: (round) => round > last + 1,
    async accept(token, record) {
      await assertSigned('published', token, keyOf(study, record.round))
      if (record.study !== study) {
        throw new TesseraError('ERR_STUDY_UNKNOWN', `record must be of study ${study}, got ${record.study}`)
      }
      const sha256 = sha256Hex(token)
      const known = await hashOf(record.round)
      if (known === sha256) return null
      if (known !== '') throw broken(`be the only one of round ${record.round}`, 'a second')
      const before = await hashOf(record.round - 1)
      if (record.plan !== plan()) {
        throw new TesseraError('ERR_PLAN_CHANGED', `record must be of plan ${plan()}, got ${record.plan}`)
      }
      if (record.round > last + 1) throw broken(`be of round ${last + 1}`, `round ${record.round}`)
      if (record.previous !== before) {
        throw broken(`follow from round ${record.round - 1}`, 'another hash of its record')
      }
      await writeDurably(fileOf(record.round), token)
      rounds.add(record.round)
      if (record.round > last) {
        last = record.round
        head = Promise.resolve({ round: last, sha256, student: record.student })
      }
      return record
    },
  }
}

function broken(rule: string, got: string): TesseraError {
  return new TesseraError('ERR_LEDGER_BROKEN', `record must ${rule}, got ${got}`)
}
