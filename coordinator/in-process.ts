/** @file The coordinator without a port: it serves the sockets that it is handed. The server hands it those of the network, a simulation those of its own process. */
import { type Clock, systemClock } from '@tessera/shared/clock'
import { type Log, silentLog } from '@tessera/shared/log'
import { fingerprint } from '@tessera/shared/security'
import { loadCoordinator } from './config.ts'
import { createDoor } from './door.ts'
import type { Registry } from './enrolment/index.ts'
import type { StoredEvent } from './events.ts'
import { openOffice } from './office.ts'
import { observedStore } from './operation/observed-store.ts'
import { blindObserver, type Observer } from './operation/observer.ts'
import type { StudyProgress, StudyRun } from './running/index.ts'
import { openSession, type SiteSocket } from './session.ts'
import { openStore } from './store/index.ts'

export interface OpenOptions {
  readonly dir: string
  readonly log?: Log | undefined
  readonly clock?: Clock | undefined
  /** Told where a study stands when it has changed, ten times a second at most, for a live screen. Must not throw. */
  readonly onProgress?: ((progress: StudyProgress) => void) | undefined
  /** Told of its work, for those who count it. */
  readonly observer?: Observer | undefined
  /** Told that something has changed in a study, as often as `onProgress`. Must not throw. */
  readonly onChange?: (() => void) | undefined
  /** Told of each event of earlier runs, oldest first, before anything happens; what follows the observer is told. Must not throw. */
  readonly onEarlier?: ((event: StoredEvent) => void) | undefined
}

export interface OpenCoordinator {
  readonly publicKey: string
  readonly fingerprint: string
  /** Fulfilled when every study is finished; rejected with the reason when one can never be. Pending while there is no study. */
  readonly ended: Promise<void>
  studies(): readonly StudyRun[]
  /** Who takes part, now. */
  registry(): Registry
  /**
   * Does an operator's work, and takes in the command that it has left. Not before the coordinator is closed.
   * @throws {TesseraError} ERR_CONNECTION_LOST when it is being stopped; what the work throws.
   */
  obey<T>(work: () => Promise<T>): Promise<T>
  /** Where each study stands now. */
  progress(): StudyProgress[]
  /** Tries the store out. @throws {TesseraError} ERR_STORE_WRITE, ERR_STORE_UNREACHABLE */
  tryStore(): Promise<void>
  /** Pairs of a site and a study that it may join, now. */
  places(): number
  /** Serves a connected socket until it closes. */
  serve(socket: SiteSocket, log?: Log): void
  /** Leaves the store in order. Rounds go on at the next opening. */
  close(): Promise<void>
}

/**
 * Opens a coordinator that {@link import('./config.ts').initCoordinator} made.
 * @param loaded Its folder's settings and keys, by whoever has read them already.
 * @throws {TesseraError} ERR_CONFIG_INVALID if there is none; ERR_STORE_LOCKED if another process runs it; ERR_KEY_FILE; and what opening the store throws.
 */
export async function openCoordinator(
  options: OpenOptions,
  loaded?: Awaited<ReturnType<typeof loadCoordinator>>,
): Promise<OpenCoordinator> {
  const { dir, log = silentLog, clock = systemClock, onProgress, onChange, onEarlier } = options
  const { observer = blindObserver } = options
  const { config, key, ring } = loaded ?? (await loadCoordinator(dir))
  const store = observedStore(await openStore(dir), clock, observer)
  if (onEarlier !== undefined) for (const event of store.events) onEarlier(event)
  if (store.cutBytes > 0)
    log.warn('log.repaired', { bytes: store.cutBytes, reason: 'unacknowledged last line cut off' })
  const { keepRounds } = config
  const office = await openOffice({
    dir,
    store,
    key,
    ring,
    clock,
    log,
    keepRounds,
    onProgress,
    observer,
    onChange,
  }).catch(async (cause: unknown) => {
    await store.close()
    throw cause
  })
  const door = createDoor()
  return {
    publicKey: key.publicKey,
    fingerprint: fingerprint(key.publicKey),
    ended: office.ended,
    studies: () => office.studies(),
    registry: () => office.registry(),
    obey: (work) =>
      door.enter(async () => {
        const done = await work()
        await office.collectCommands()
        return done
      }),
    progress: () => office.studies().map((run) => run.snapshot()),
    serve: (socket, sessionLog = log) => openSession(socket, office, door, clock, sessionLog),
    places: () => office.places(),
    tryStore: () => store.tryOut(),
    async close() {
      // What is being answered ends with its answer, not with a store that is closed below it.
      await door.close()
      await office.stop()
    },
  }
}
