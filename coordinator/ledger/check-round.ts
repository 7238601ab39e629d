/** @file One published round: its record, the deltas that it names, and the student that follows from them. */
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import type { Published } from '@tessera/shared/protocol'
import { broken, type KeyPair, readUnverified, verifyRecord } from '@tessera/shared/security'
import { contributors, isLastRound, type RoundPublished, type RoundsState } from '../rounds/index.ts'
import { judgedBefore, publishRound } from '../running/publish.ts'
import type { ContentStore } from '../store/index.ts'
import type { LedgerSource } from './source.ts'

/**
 * Gives the record of a round, once it is the next of the chain and says what the entries of its round say.
 * @param state Before the publication.
 * @throws {TesseraError} ERR_LEDGER_BROKEN
 */
export async function checkRecord(
  event: RoundPublished,
  state: RoundsState,
  plan: string,
  { ring }: Pick<LedgerSource, 'ring'>,
): Promise<Published> {
  const { round, student, previous, study, current } = state
  const record = await verifyRecord(event.record, { study, round, previous }, ring)
  if (record.plan !== plan) throw broken(round, `be of plan ${plan}`, record.plan)
  if (record.base !== student) throw broken(round, `start from student ${student}`, record.base)
  if (record.student !== event.student) throw broken(round, `have student ${event.student}`, record.student)
  if (current?.end?.outcome !== 'publish')
    throw broken(round, 'be closed before it is published', 'an open one')
  for (const { site, samples, payload, manifest } of record.contributors) {
    const update = current.accepted.get(site)
    if (update === undefined) throw broken(round, `have the update of ${site} that its record counts`, 'none')
    if (update.manifestSha256 !== manifest || update.payload !== payload || update.samples !== samples) {
      throw broken(round, `have the update of ${site} that its record counts`, 'another')
    }
  }
  // Here, because they follow from the entries alone, also where deltas were removed.
  const { judged } = judgedBefore(state)
  if (JSON.stringify(record.judged) !== JSON.stringify(judged))
    throw broken(round, `list the judgements ${JSON.stringify(judged)}`, JSON.stringify(record.judged))
  if (record.final !== isLastRound(state))
    throw broken(round, `have final ${!record.final}`, String(record.final))
  const counted = new Set(record.contributors.map(({ site }) => site))
  const left = contributors(current).find((site) => !counted.has(site))
  if (left !== undefined)
    throw broken(round, `count the update of ${left} that it has accepted`, 'a record without it')
  return record
}

export function deltasOf({ contributors }: Published): string[] {
  return contributors.map(({ payload }) => payload)
}

/** True when all of these files are there, whatever is in them. */
export async function hasAll(files: readonly string[], store: ContentStore): Promise<boolean> {
  for (const file of files) {
    const code = await store.loadPart(file, 0, 0).then(
      () => null,
      (thrown: unknown) => (asTesseraError(thrown).cause as NodeJS.ErrnoException | undefined)?.code,
    )
    if (code === 'ENOENT') return false
  }
  return true
}

/**
 * Takes what cannot be computed again from where the coordinator keeps it: the student, and the states that its strategy left.
 * @param isLast Is it the last such round? The next one's student follows from its states, so they must be there; of others they are removed too.
 * @throws {TesseraError} ERR_LEDGER_BROKEN
 */
export async function takeOver(
  { round, student, serverState }: Published,
  { models }: Pick<LedgerSource, 'models'>,
  into: ContentStore,
  isLast: () => Promise<boolean>,
): Promise<void> {
  await into.save(await stored(round, 'its student', models.load(student)))
  if (!(await hasAll(serverState, models)) && !(await isLast())) return
  for (const state of serverState)
    await into.save(await stored(round, 'the state that its strategy left', models.load(state)))
}

/** Every delta has the bytes its site has signed. @throws {TesseraError} ERR_LEDGER_BROKEN */
export async function checkDeltas(
  { round, contributors }: Published,
  { updates }: Pick<LedgerSource, 'updates'>,
): Promise<void> {
  for (const { site, payload } of contributors) {
    await stored(round, `the delta that ${site} has signed`, updates.loadPart(payload, 0, 0))
  }
}

/**
 * Computes the student of a closed round again, as it was published, and holds everything that the record says of it against that.
 * @param files Where its base and the deltas are, and the student goes.
 * @param key Signs the second record; only what it says is compared.
 * @throws {TesseraError} ERR_LEDGER_BROKEN
 */
export async function recompute(
  study: Parameters<typeof publishRound>[0],
  record: Published,
  state: RoundsState,
  files: { readonly models: ContentStore; readonly updates: ContentStore },
  key: KeyPair,
): Promise<void> {
  const { round } = record
  const again = await publishRound(study, state, files, key).catch((cause: unknown) => {
    throw broken(round, 'have a student that can be computed again', asTesseraError(cause).message, cause)
  })
  const want = readUnverified('published', again.record)
  // The student last: what it follows from says more about what differs.
  const { student, ...rest } = want
  for (const [field, value] of [...Object.entries(rest), ['student', student] as const]) {
    const got = record[field as keyof Published]
    if (JSON.stringify(got) === JSON.stringify(value)) continue
    throw broken(round, `have ${field} ${shown(value)}, as it follows from its deltas`, shown(got))
  }
}

/** Waits for a stored file. @throws {TesseraError} ERR_LEDGER_BROKEN if it is missing or was changed. */
export async function stored<T>(round: number, what: string, loading: Promise<T>): Promise<T> {
  try {
    return await loading
  } catch (cause) {
    if (!(cause instanceof TesseraError) || cause.code !== 'ERR_STORE_CORRUPT') throw cause
    const missing = (cause.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT'
    throw broken(round, `have ${what}`, missing ? 'no file' : 'a file with other bytes', cause)
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
