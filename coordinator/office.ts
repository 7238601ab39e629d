/** @file The coordinator without its sockets: the store's events brought to life, what joins and enrols, and the operator's inbox. */
import type { Clock } from '@tessera/shared/clock'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import { assertWorksTogether, PROTOCOL_VERSION, type Signed } from '@tessera/shared/protocol'
import {
  fingerprint,
  type KeyPair,
  type KeyRing,
  readUnverified,
  signPayload,
  verifyPayload,
} from '@tessera/shared/security'
import { checkApproved, checkSiteState, knownSite } from './admission/index.ts'
import {
  checkEnrolment,
  checkKeyChange,
  EMPTY_REGISTRY,
  evolveRegistry,
  forgetKitSecret,
  type Registry,
  readKitSecret,
} from './enrolment/index.ts'
import type { CommandEvent, StudyCreated } from './events.ts'
import { createPruner } from './ledger/index.ts'
import type { Observer } from './operation/observer.ts'
import { createOutlets, type Outlets } from './outlets.ts'
import {
  createQueue,
  createRoom,
  createStudyRun,
  type OperatorWord,
  publications,
  type StudyProgress,
  type StudyRun,
} from './running/index.ts'
import type { Store } from './store/index.ts'
import { createdStudies, planned, replayRounds } from './studies/index.ts'

/** How often the inbox is looked at when no site gives a reason to: an operator's revocation must not wait for one. */
const INBOX_MS = 2000

/** Former keys that are tried to say why a join is refused: each costs the check of a signature, and a stranger may ask any number of times. */
const MAX_FORMER_KEYS = 3

export interface Office {
  /** Files that sessions read from. */
  readonly models: Store['models']
  /** The way out for their chunks. */
  readonly outlets: Outlets
  /** Told of what sessions do. */
  readonly observer: Observer
  /** Checks the proof that a connection with challenge `nonce` speaks for a site. Order: protocol, version, site, signature, state, study. */
  admit(token: string, nonce: string): Promise<{ join: Signed<'joinToken'>; run: StudyRun }>
  /** Uses up a kit and gives the signed confirmation. */
  enrol(token: string): Promise<string>
  /** Replaces a site's key and gives the signed confirmation. Its sessions under the old key end. */
  rotate(request: { request: string; proof: string }): Promise<string>
  /** The change of the coordinator's key of this number, 1 and up, as `key:fetch` answers it. */
  keyChange(number: number): { count: number; change: string; acceptance: string }
  studies(): readonly StudyRun[]
  registry(): Registry
  /** Takes in what operators have left in the inbox. What cannot be carried out is logged. */
  collectCommands(): Promise<void>
  /** Pairs of a site that is not revoked and a study. */
  places(): number
  /** Fulfilled when every study is finished; rejected when one can never be. Pending while there is none. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

const OPERATOR_WORDS: ReadonlySet<string> = new Set<OperatorWord['type']>([
  'study.paused',
  'study.unpaused',
  'study.cancelled',
  'round.called',
])
function isOperatorWord(event: CommandEvent): event is OperatorWord {
  return OPERATOR_WORDS.has(event.type)
}

/** Opens for business: replays the log and starts what is unfinished. */
export async function openOffice(options: {
  dir: string
  store: Store
  key: KeyPair
  /** The coordinator's keys, the present one and those before it. */
  ring: KeyRing
  clock: Clock
  log: Log
  /** As in the settings. */
  keepRounds?: number | undefined
  onProgress?: ((progress: StudyProgress) => void) | undefined
  onChange?: (() => void) | undefined
  observer: Observer
}): Promise<Office> {
  const { dir, store, key, ring, clock, log, keepRounds, onProgress, onChange, observer } = options
  const keyChanges = ring.changes
  const deciding = createQueue()
  const checking = createQueue()
  const collecting = createQueue()
  const room = createRoom(clock)
  const runs = new Map<string, StudyRun>()
  let registry = store.events.reduce(evolveRegistry, EMPTY_REGISTRY)
  let [started, stopped] = [false, false]
  let cancelTimer = (): void => undefined

  const unfinished = new Set<string>()
  let end: { resolve: () => void; reject: (error: TesseraError) => void } | null = null
  const ended = new Promise<void>((resolve, reject) => {
    end = { resolve, reject }
  })
  // Who does not ask how it ended need not handle it.
  ended.catch(() => undefined)

  const open = async (stored: StudyCreated, events: Store['events']): Promise<StudyRun> => {
    const created = await planned(stored, key)
    const { id } = created.study
    unfinished.add(id)
    const run = createStudyRun(created, replayRounds(created, events), publications(id, events), {
      store,
      key,
      clock,
      log,
      registry: () => registry,
      keyOf: (study, round) => ring.keyOf(study, round),
      checking,
      deciding,
      room,
      recorded: async (event) => pruner?.note(event),
      onProgress,
      observer,
      onChange,
      onEnd(error) {
        if (error !== null) end?.reject(error)
        else if (unfinished.delete(id) && unfinished.size === 0) end?.resolve()
      },
    })
    runs.set(id, run)
    return run
  }
  const pruner =
    keepRounds === undefined
      ? null
      : await createPruner({ dir, keepRounds, key, clock, log, events: store.events })
  for (const created of createdStudies(store.events)) await open(created, store.events)
  store.forget()

  const obey = (event: CommandEvent): Promise<void> =>
    deciding(async () => {
      if (event.type === 'study.created' && runs.has(event.study.id)) return
      const addressed = isOperatorWord(event) ? runs.get(event.study) : undefined
      if (isOperatorWord(event) && addressed === undefined) {
        log.warn('command.refused', {
          code: 'ERR_STUDY_UNKNOWN',
          reason: `study must exist, got ${event.study}`,
        })
        return
      }
      await store.append(event)
      registry = evolveRegistry(registry, event)
      if (event.type === 'study.created') {
        log.info('study.created', { study: event.study.id })
        const run = await open(event, [])
        if (started) run.start()
      } else if (isOperatorWord(event)) {
        addressed?.obey(event)
      } else {
        log.info(event.type, { site: event.site })
        if (event.type === 'kits.withdrawn') {
          for (const { kit, site } of registry.kits.values())
            if (site === event.site) await forgetKitSecret(dir, kit)
        }
        if (event.type === 'site.revoked') for (const run of runs.values()) run.revoke(event)
      }
    })
  /** A command that cannot be carried out is the operator's trouble, not that of the site that happened to join now. */
  const collectCommands = (): Promise<void> =>
    collecting(() => store.collectCommands(obey)).catch((thrown: unknown) => {
      const { code, message } = asTesseraError(thrown)
      log.error('command.refused', { code, reason: message })
    })
  const keepCollecting = async (): Promise<void> => {
    await collectCommands()
    if (!stopped) cancelTimer = clock.schedule(() => void keepCollecting(), INBOX_MS)
  }
  // Commands first: what was revoked while nobody listened must not count in a round that ends now.
  await keepCollecting()
  for (const run of runs.values()) run.start()
  started = true

  return {
    models: store.models,
    outlets: createOutlets(),
    observer,
    ended,
    studies: () => [...runs.values()],
    registry: () => registry,
    collectCommands,
    places: () => runs.size * [...registry.sites.values()].filter(({ revoked }) => !revoked).length,
    async admit(token, nonce) {
      await collectCommands()
      const claimed = readUnverified('joinToken', token)
      if (claimed.protocol !== PROTOCOL_VERSION) {
        throw new TesseraError(
          'ERR_PROTOCOL_VERSION',
          `protocol must be ${PROTOCOL_VERSION}, got ${claimed.protocol}`,
        )
      }
      assertWorksTogether(claimed.agentVersion)
      const { publicKey, formerKeys } = knownSite({ registry }, claimed.site)
      const join = await verifyPayload('joinToken', token, publicKey).catch(async (refusal: unknown) => {
        await refuseFormerKey(token, claimed.site, formerKeys)
        throw refusal
      })
      if (join.coordinator !== key.publicKey) {
        throw new TesseraError(
          'ERR_COORDINATOR_KEY',
          'join token must be for this coordinator, got another key',
        )
      }
      if (join.nonce !== nonce) {
        throw new TesseraError(
          'ERR_SIGNATURE_INVALID',
          "join token must answer this connection's challenge, got another",
        )
      }
      checkSiteState({ registry }, join.site)
      checkApproved({ registry }, join.site)
      const run = runs.get(join.study)
      if (run === undefined)
        throw new TesseraError('ERR_STUDY_UNKNOWN', `study must exist, got ${join.study}`)
      return { join, run }
    },
    async enrol(token) {
      await collectCommands()
      return deciding(async () => {
        const { request, known } = await checkEnrolment(
          token,
          registry,
          (kit) => readKitSecret(dir, kit),
          clock.now(),
        )
        const { kit, site, publicKey } = request
        if (!known) {
          const event = { type: 'site.enrolled', kit, site, publicKey, atMs: clock.now() } as const
          await store.append(event)
          registry = evolveRegistry(registry, event)
          await forgetKitSecret(dir, kit)
          for (const run of runs.values()) run.replaceKey(site)
          log.info('site.enrolled', { site, fingerprint: fingerprint(publicKey) })
        }
        const confirmation = { protocol: PROTOCOL_VERSION, kit, site, publicKey, issuedAtMs: clock.now() }
        return signPayload('enrolConfirmation', confirmation, key.privateKey)
      })
    },
    async rotate(request) {
      await collectCommands()
      return deciding(async () => {
        const { change, known } = await checkKeyChange(request, registry, key.publicKey)
        const { site, from, to } = change
        if (!known) {
          const event = { type: 'site.rekeyed', site, from, to, ...request, atMs: clock.now() } as const
          await store.append(event)
          registry = evolveRegistry(registry, event)
          for (const run of runs.values()) run.replaceKey(site)
          log.info('site.rekeyed', { site, fingerprint: fingerprint(to) })
        }
        const confirmation = { protocol: PROTOCOL_VERSION, site, publicKey: to, issuedAtMs: clock.now() }
        return signPayload('siteKeyConfirmation', confirmation, key.privateKey)
      })
    },
    keyChange(number) {
      const { change = '', acceptance = '' } = keyChanges[number - 1] ?? {}
      return { count: keyChanges.length, change, acceptance }
    },
    async stop() {
      stopped = true
      cancelTimer()
      for (const run of runs.values()) await run.stop()
      await collecting(async () => undefined)
      await deciding(async () => undefined)
      await store.close()
    },
  }
}

/** A copy of a site's folder from before its key was replaced should learn that, not that somebody forges. @throws {TesseraError} ERR_SITE_KEY */
async function refuseFormerKey(token: string, site: string, keys: readonly string[]): Promise<void> {
  for (const key of keys.slice(-MAX_FORMER_KEYS)) {
    const signed = await verifyPayload('joinToken', token, key).then(
      () => true,
      () => false,
    )
    if (signed)
      throw new TesseraError('ERR_SITE_KEY', `site must speak with its new key, got an older one of ${site}`)
  }
}
