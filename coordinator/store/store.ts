/** @file All that the coordinator keeps: its events in a database, models and updates as files of its folder. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { explained, tryLock, writeDurably } from '@tessera/shared/files'
import { storePlace } from '../config.ts'
import { type CommandEvent, commandEvent, type StoredEvent, storedEvent } from '../events.ts'
import type { Row } from './chain.ts'
import { type ContentStore, contentStore, removeLeftovers } from './content-store.ts'
import { collect, post } from './inbox.ts'
import { openEvents, readStoredEvents, readStoredRows } from './open-events.ts'

const PROBE_FILE = '.tmp-probe'
/** A disk that has no room for so little has none for an event. */
const PROBE = Buffer.alloc(64 * 1024)

/** A coordinator's memory, opened for writing. */
export interface Store {
  /** Events of earlier runs, oldest first; empty after {@link Store.forget}. */
  readonly events: readonly StoredEvent[]
  /** Lets go of them. */
  forget(): void
  /** Bytes of an unacknowledged last line of an earlier version's `events.jsonl` that were left out when it was taken over. */
  readonly cutBytes: number
  readonly models: ContentStore
  readonly updates: ContentStore
  /**
   * Returns when the event, or all of several, survive a power cut, and gives the number of the last; none does if it throws.
   * @throws {TesseraError} ERR_STORE_WRITE, ERR_STORE_LOCKED
   */
  append(events: StoredEvent | readonly StoredEvent[]): Promise<number>
  /**
   * Writes a small file and removes it, and has the database answer: what would become of an event that comes now.
   * @throws {TesseraError} ERR_STORE_WRITE, ERR_STORE_UNREACHABLE
   */
  tryOut(): Promise<void>
  /** Gives the event of a number, 1 and up. @throws {TesseraError} ERR_STORE_CORRUPT, ERR_STORE_UNREACHABLE */
  read(number: number): Promise<StoredEvent>
  /** Hands over the commands that operators gave meanwhile. `apply` must tolerate one it has seen. */
  collectCommands(apply: (event: CommandEvent) => Promise<void>): Promise<void>
  close(): Promise<void>
}

/**
 * Opens the store of the coordinator in `dir`.
 * @throws {TesseraError} ERR_STORE_LOCKED if another process has it; ERR_STORE_CORRUPT, ERR_STORE_NEWER, naming the event; ERR_STORE_FOREIGN if the
 * database is another coordinator's; ERR_STORE_UNREACHABLE, ERR_STORE_WRITE, ERR_CONFIG_INVALID.
 */
export async function openStore(dir: string): Promise<Store> {
  const store = await tryOpenStore(dir)
  if (store !== null) return store
  throw new TesseraError(
    'ERR_STORE_LOCKED',
    'coordinator folder must have one writer, got another that is running',
  )
}

/** As {@link openStore}; `null` if another process has the folder. */
async function tryOpenStore(dir: string): Promise<Store | null> {
  const place = await storePlace(dir)
  await explained(() => mkdir(dir, { recursive: true }))
  const unlock = await tryLock(join(dir, 'coordinator.lock'))
  if (unlock === null) return null
  try {
    for (const folder of ['models', 'updates', 'inbox']) await removeLeftovers(join(dir, folder))
    const { store, cutBytes } = await openEvents(dir, place, (value) => storedEvent.parse(value))
    return {
      get events() {
        return store.events
      },
      forget: () => store.forget(),
      cutBytes,
      models: modelFiles(dir),
      updates: updateFiles(dir),
      append: (events) => store.append(events),
      async tryOut() {
        await writeDurably(join(dir, PROBE_FILE), PROBE)
        await explained(() => rm(join(dir, PROBE_FILE), { force: true }))
        await store.tryOut()
      },
      read: (number) => store.read(number),
      collectCommands: (apply) => collect(dir, (value) => commandEvent.parse(value), apply),
      async close() {
        await store.close().finally(unlock)
      },
    }
  } catch (cause) {
    await unlock()
    throw cause
  }
}

/** Adds an operator's event: to the log if nobody has it open, else to the running coordinator's inbox. Gives which of the two. */
export async function submit(dir: string, event: CommandEvent): Promise<'stored' | 'posted'> {
  const store = await tryOpenStore(dir)
  if (store === null) {
    await post(dir, event)
    return 'posted'
  }
  try {
    // What waits in the inbox came first.
    await store.collectCommands(async (earlier) => void (await store.append(earlier)))
    await store.append(event)
  } finally {
    await store.close()
  }
  return 'stored'
}

/** The same as rows, each with its event: what a copy of the store is made of. */
export async function readRows(dir: string): Promise<{ rows: Row[]; events: readonly StoredEvent[] }> {
  return readStoredRows(dir, await storePlace(dir), (value) => storedEvent.parse(value))
}

/** Events in the store now, read without disturbing a coordinator that runs. Errors as {@link openStore}. */
export async function readEvents(dir: string): Promise<readonly StoredEvent[]> {
  return readStoredEvents(dir, await storePlace(dir), (value) => storedEvent.parse(value))
}

/** The updates in `dir`, as {@link modelFiles}. */
export function updateFiles(dir: string): ContentStore {
  return contentStore(join(dir, 'updates'), '.f32', 'chunks')
}

/** The models in `dir`: also for a command beside a coordinator that runs, since files never change once they have their name. */
export function modelFiles(dir: string): ContentStore {
  return contentStore(join(dir, 'models'), '.safetensors')
}
