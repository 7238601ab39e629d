/** @file All that the coordinator keeps, in one folder. The interface is the seam for another kind of store. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { tryLock } from '@tessera/shared/files'
import { type CommandEvent, commandEvent, type StoredEvent, storedEvent } from '../events.ts'
import { type ContentStore, contentStore, removeLeftovers } from './content-store.ts'
import { openEventLog, readEventLog } from './event-log.ts'
import { collect, post } from './inbox.ts'

/** A coordinator's memory, opened for writing. */
export interface Store {
  /** Events of earlier runs, oldest first. */
  readonly events: readonly StoredEvent[]
  /** Bytes of an unacknowledged event that a power cut left and that were cut off. */
  readonly cutBytes: number
  readonly models: ContentStore
  readonly updates: ContentStore
  /** Returns when the event survives a power cut. @throws {TesseraError} ERR_STORE_WRITE */
  append(event: StoredEvent): Promise<void>
  /** Hands over the commands that operators gave meanwhile. `apply` must tolerate one it has seen. */
  collectCommands(apply: (event: CommandEvent) => Promise<void>): Promise<void>
  close(): Promise<void>
}

/**
 * Opens the store in `dir`.
 * @throws {TesseraError} ERR_CONFIG_INVALID if another process has it; ERR_STORE_CORRUPT, naming the line.
 */
export async function openStore(dir: string): Promise<Store> {
  const store = await tryOpenStore(dir)
  if (store !== null) return store
  throw new TesseraError(
    'ERR_CONFIG_INVALID',
    'coordinator folder must have one writer, got another that is running',
  )
}

/** As {@link openStore}; `null` if another process has the folder. */
async function tryOpenStore(dir: string): Promise<Store | null> {
  await mkdir(dir, { recursive: true })
  const unlock = await tryLock(join(dir, 'coordinator.lock'))
  if (unlock === null) return null
  try {
    const log = await openEventLog(logFile(dir), (value) => storedEvent.parse(value))
    for (const folder of ['models', 'updates', 'inbox']) await removeLeftovers(join(dir, folder))
    return {
      events: log.events,
      cutBytes: log.cutBytes,
      models: modelFiles(dir),
      updates: contentStore(join(dir, 'updates'), '.f32'),
      append: (event) => log.append(event),
      collectCommands: (apply) => collect(dir, (value) => commandEvent.parse(value), apply),
      async close() {
        await log.close()
        await unlock()
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
    await store.collectCommands((earlier) => store.append(earlier))
    await store.append(event)
  } finally {
    await store.close()
  }
  return 'stored'
}

/** Events in the log now, read without disturbing a coordinator that runs. Errors as {@link openStore}. */
export async function readEvents(dir: string): Promise<readonly StoredEvent[]> {
  return (await readEventLog(logFile(dir), (value) => storedEvent.parse(value))).events
}

/** The models in `dir`: also for a command beside a coordinator that runs, since files never change once they have their name. */
export function modelFiles(dir: string): ContentStore {
  return contentStore(join(dir, 'models'), '.safetensors')
}

function logFile(dir: string): string {
  return join(dir, 'events.jsonl')
}
