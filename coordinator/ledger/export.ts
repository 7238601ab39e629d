/** @file Writes a study's ledger into a folder of its own: all that somebody else needs to verify it, without the coordinator. */
import { copyFile, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { explained, isMissing, syncFolder, writeDurably } from '@tessera/shared/files'
import { readUnverified } from '@tessera/shared/security'
import type { StoredEvent } from '../events.ts'
import { type LedgerSource, openLedgers } from './source.ts'

/**
 * Exports what is published of a study; also while the coordinator runs. It holds manifests, norms, means of losses and judgements of every site: it is for
 * members of the consortium.
 * @throws {TesseraError} ERR_STUDY_UNKNOWN; ERR_USAGE if `out` is not empty; ERR_STORE_WRITE
 */
export async function exportLedger(options: {
  dir: string
  study: string
  out: string
}): Promise<{ rounds: number; updates: number }> {
  const { dir, study, out } = options
  const source = (await openLedgers(dir)).find(({ created }) => created.study.id === study)
  if (source === undefined) throw new TesseraError('ERR_STUDY_UNKNOWN', `study must exist, got ${study}`)
  if ((await readdir(out).catch(() => [])).length > 0) {
    throw new TesseraError('ERR_USAGE', 'folder of an export must be empty, got one with files')
  }
  const events = publishedEvents(source.events)
  const records = events.flatMap((event) =>
    event.type === 'round.published' ? readUnverified('published', event.record) : [],
  )
  const payloads = new Set(records.flatMap(({ contributors }) => contributors.map(({ payload }) => payload)))
  // Before the statement is read: it is older than the gap it explains, also when a coordinator removes deltas meanwhile.
  const updates = await copyAll(join(dir, 'updates'), join(out, 'updates'), payloads, '.f32')
  const pruned = await source.readPruned()
  const through = pruned === null ? 0 : readUnverified('pruned', pruned).through
  // The initial one, those that nobody can compute again, and the last, for whoever wants to use it.
  const students = records.filter(({ round }, i) => round <= through || i === records.length - 1)
  // Of what nobody can compute again, the state that the first round with deltas goes on from.
  const states = records.find(({ round }) => round === through)?.serverState ?? []
  const models = new Set([source.created.student, ...students.map(({ student }) => student), ...states])
  await copyAll(join(dir, 'models'), join(out, 'models'), models, '.safetensors')
  await writeDurably(
    join(out, 'events.jsonl'),
    events.map((event) => `${JSON.stringify(event)}\n`).join(''),
    0o644,
  )
  // Last: a folder with it is a whole export.
  await writeDurably(join(out, 'ledger.json'), `${JSON.stringify(about(source, pruned), null, 2)}\n`, 0o644)
  return { rounds: records.length, updates }
}

function about({ created, ring }: LedgerSource, pruned: string | null): object {
  return {
    format: 'tessera-ledger-1',
    study: created.study.id,
    coordinatorKey: ring.current,
    keyChanges: ring.changes,
    ...(pruned === null ? {} : { pruned }),
  }
}

/** Up to the last published round: an open one's nonces are still good for something. Of what came after only judgements of its student. Without kits and approvals: they prove nothing. */
function publishedEvents(events: readonly StoredEvent[]): StoredEvent[] {
  const last = events.findLastIndex(({ type }) => type === 'round.published')
  const first = events.findIndex(({ type }) => type === 'study.created')
  return events.filter((event, i) => {
    if (event.type === 'study.created') return i === first
    return (
      (i <= last || event.type === 'judgement.accepted') &&
      event.type !== 'kit.issued' &&
      event.type !== 'kits.withdrawn' &&
      event.type !== 'site.approved'
    )
  })
}

/** Copies the files that are there; gives their number. What is missing is for the verifier to name. */
async function copyAll(
  from: string,
  to: string,
  names: ReadonlySet<string>,
  extension: string,
): Promise<number> {
  let count = 0
  await explained(async () => {
    await mkdir(to, { recursive: true })
    for (const name of names) {
      const file = `${name}${extension}`
      const isThere = await copyFile(join(from, file), join(to, file)).then(
        () => true,
        (cause: unknown) => {
          if (isMissing(cause)) return false
          throw cause
        },
      )
      if (isThere) count++
    }
    await syncFolder(to)
  })
  return count
}
