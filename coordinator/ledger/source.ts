/**
 * @file Where a ledger is read from: a coordinator's own folder, also while it runs, or an exported one. An export is `ledger.json` (whom to
 * trust), `events.jsonl` (what happened, one event a line), `updates/` and `models/`.
 */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { MAX_TOKEN_CHARACTERS, name } from '@tessera/shared/protocol'
import { type KeyRing, openKeyRing } from '@tessera/shared/security'
import { z } from 'zod'
import { loadCoordinator } from '../config.ts'
import { type StoredEvent, type StudyCreated, storedEvent } from '../events.ts'
import { type ContentStore, modelFiles, readEvents, updateFiles } from '../store/index.ts'
import { createdStudies } from '../studies/index.ts'
import { readPruned } from './pruned.ts'

const token = z.string().min(1).max(MAX_TOKEN_CHARACTERS)
export const ledgerFile = z.strictObject({
  format: z.literal('tessera-ledger-1'),
  study: name,
  coordinatorKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  keyChanges: z.array(z.strictObject({ change: token, acceptance: token })),
  /** JWS of `pruned`. */
  pruned: token.optional(),
})

/** One study's ledger. */
export interface LedgerSource {
  readonly created: StudyCreated
  /** Of this study and of who takes part, oldest first. */
  readonly events: readonly StoredEvent[]
  readonly ring: KeyRing
  readonly updates: ContentStore
  readonly models: ContentStore
  /** True when every student must be there; an export has those that cannot be computed again. */
  readonly keepsStudents: boolean
  /** JWS of `pruned` as it is now, or null: a coordinator that runs may remove deltas meanwhile. */
  readPruned(): Promise<string | null>
}

/** Opens the ledgers in a folder: every study's of a coordinator, or the exported one. @throws {TesseraError} ERR_CONFIG_INVALID, ERR_STORE_CORRUPT */
export async function openLedgers(dir: string): Promise<LedgerSource[]> {
  return (await exists(join(dir, 'ledger.json'))) ? [await exportedLedger(dir)] : coordinatorLedgers(dir)
}

async function coordinatorLedgers(dir: string): Promise<LedgerSource[]> {
  const { ring } = await loadCoordinator(dir)
  const events = await readEvents(dir)
  return Promise.all(
    createdStudies(events).map(async (created) => ({
      created,
      events: events.filter((event) => concerns(event, created.study.id)),
      ring,
      ...contents(dir),
      keepsStudents: true,
      readPruned: () => readPruned(dir, created.study.id),
    })),
  )
}

async function exportedLedger(dir: string): Promise<LedgerSource> {
  const about = parsed('ledger.json', await readFile(join(dir, 'ledger.json'), 'utf8'), (value) =>
    ledgerFile.parse(value),
  )
  const text = await readFile(join(dir, 'events.jsonl'), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new TesseraError('ERR_LEDGER_BROKEN', `ledger must have its events, got ${cause.code}`, { cause })
  })
  const lines = text.split('\n').filter((line) => line !== '')
  const events = lines.map((line, i) =>
    parsed(`line ${i + 1} of events.jsonl`, line, (value) => storedEvent.parse(value)),
  )
  const created = createdStudies(events).find(({ study }) => study.id === about.study)
  if (created === undefined)
    throw new TesseraError('ERR_LEDGER_BROKEN', `ledger must hold study ${about.study}, got none`)
  return {
    created,
    events: events.filter((event) => concerns(event, about.study)),
    ring: await openKeyRing(about.coordinatorKey, about.keyChanges),
    ...contents(dir),
    keepsStudents: false,
    readPruned: async () => about.pruned ?? null,
  }
}

/** The files of a folder, under the names that the coordinator's store gives them. */
function contents(dir: string): Pick<LedgerSource, 'updates' | 'models'> {
  return {
    updates: updateFiles(dir),
    models: modelFiles(dir),
  }
}

/** The study's own events, and those of the sites' keys. */
function concerns(event: StoredEvent, study: string): boolean {
  if (event.type === 'study.created') return event.study.id === study
  return !('study' in event) || event.study === study
}

function parsed<T>(what: string, text: string, parse: (value: unknown) => T): T {
  try {
    return parse(JSON.parse(text))
  } catch (cause) {
    throw new TesseraError('ERR_LEDGER_BROKEN', `${what} must be as it was exported, got another text`, {
      cause,
    })
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  )
}
