/**
 * @file The site agent: joins a study, trains each round it is offered on the site's tiles, delivers the signed delta, and ends with the study.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '@tessera/shared/clock'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import { createRandom } from '@tessera/shared/random'
import type { DataRules } from '../data/index.ts'
import { hasLeft, leftStudy, loadPolicy } from '../policy/index.ts'
import { type Ask, openConnection } from '../uplink/connection.ts'
import { type Gate, gatedParser } from '../uplink/gate.ts'
import { type Dial, dialOver } from '../uplink/socket.ts'
import { behindGate, type Enforce } from './behind-gate.ts'
import { declineComing } from './decline-coming.ts'
import type { AgentEvent } from './events.ts'
import { createHearing } from './hearing.ts'
import type { CountAnswers } from './judging.ts'
import { unsaidOf } from './judging-file.ts'
import { onceLeft } from './leaving.ts'
import { createMailbox, type Mailbox } from './mailbox.ts'
import { newestPolicy } from './newest-policy.ts'
import { loadSite, type Site } from './site-folder.ts'
import type { TrainerFactory } from './train.ts'
import type { Turn } from './turn.ts'
import { openWorkplace, type Workplace } from './workplace.ts'

export interface AgentOptions {
  /** The enrolled site's folder. */
  readonly dir: string
  /** The tiles: one folder a class. */
  readonly dataDir: string
  /** Id of the study to join. */
  readonly study: string
  /** Another address than the kit's; the key stays pinned. */
  readonly coordinatorUrl?: string | undefined
  /** Ends the agent with ERR_INTERRUPTED; what is delivered stays delivered, what is not will be trained again. */
  readonly signal: AbortSignal
  readonly log: Log
  readonly clock: Clock
  readonly onProgress?: (event: AgentEvent) => void
  /** What the owner of the tiles says about them. */
  readonly dataRules?: DataRules
  /** Default: MoMA and the baselines of site-agent/distill on the engine that `startEngine` picks. */
  readonly createTrainer?: TrainerFactory
  /** Counts a student's answers where a study judges. Default: as `createTrainer`'s. */
  readonly countAnswers?: CountAnswers
  readonly dial?: Dial
  /** Name of the engine, which the coordinator's operator sees. */
  readonly engine?: string
  /** Of several agents on one machine; between its turns an agent keeps nothing large in memory. Default: always its turn. */
  readonly turn?: Turn
}

export interface AgentOutcome {
  /** Rounds delivered in this life. */
  readonly rounds: number
  /** False: the operator has cancelled the study, or this site has left it. */
  readonly finished: boolean
}

/**
 * Runs until the study is finished, or cancelled, or this site has left it.
 * @throws {TesseraError} ERR_INTERRUPTED on the signal; ERR_CONFIG_INVALID, ERR_KEY_FILE, ERR_POLICY_FILE, ERR_POLICY_UNSIGNED, ERR_POLICY_LEFT,
 * ERR_STORE_LOCKED, ERR_AUDIT_BROKEN before anything is sent; ERR_POLICY_STUDY, ERR_POLICY_SAMPLES; what the coordinator says against the site;
 * ERR_COORDINATOR_KEY, ERR_LAYOUT_MISMATCH; what openTiles throws.
 */
export async function runAgent(options: AgentOptions): Promise<AgentOutcome> {
  const { dir, clock, study } = options
  const site = await loadSite(dir)
  const policy = await loadPolicy(dir, site)
  if (hasLeft(dir, study)) throw leftStudy(study)
  return behindGate({ dir, clock, policy }, (gate, enforce) => runSession(options, site, gate, enforce))
}

async function runSession(
  options: AgentOptions,
  site: Site,
  gate: Gate,
  enforce: Enforce,
): Promise<AgentOutcome> {
  const { dir, clock, onProgress = () => undefined } = options
  const log = options.log.child({ site: site.site, study: options.study })
  const mailbox = createMailbox()
  const common = { dir, site, gate, clock, log, onProgress }
  const hearing = await createHearing({ ...common, study: options.study, engine: options.engine, mailbox })
  const { ledger } = hearing
  const knownBefore = ledger.last()
  onProgress({ kind: 'policy', sha256: gate.policyHash })

  let entering: Promise<void> = Promise.resolve()
  const connection = openConnection({
    url: options.coordinatorUrl ?? site.coordinatorUrl,
    parser: gatedParser(gate),
    dial: options.dial ?? dialOver(site.transport, log),
    clock,
    // Spread over sites is all it is for: the same site may always wait alike.
    random: createRandom(`${site.site}/reconnect`),
    log,
    join(nonce, ask) {
      entering = hearing.enter(nonce, ask)
      return entering
    },
    onUnreached: ({ code, message }) => onProgress({ kind: 'unreached', code, reason: message }),
    onSnapshot: (token) => hearing.onSnapshot(token),
    onOffer: (token) => hearing.onOffer(token),
    onPublished: (token) => hearing.onPublished(token, connection.ask),
  })

  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  let fatal: TesseraError | null = null
  connection.ended.catch((error: unknown) => {
    fatal = asTesseraError(error)
    stop.abort()
  })
  let work: Workplace | null = null
  /** Once this site has left: the word to the coordinator. */
  const farewell: { word: Promise<void> | null } = { word: null }
  const goodbye = (): void => {
    if (farewell.word !== null) return
    log.info('study.left')
    onProgress({ kind: 'left' })
    farewell.word = leave(options.study, work, connection.ask)
    mailbox.cancel()
    // Nothing is at work yet that could end by itself.
    if (work === null) stop.abort()
  }
  const endLookOut = onceLeft(dir, options.study, clock, goodbye)
  try {
    await connection.joined(signal)
    const { study } = await hearing.whenJoined
    const unsaid = await unsaidOf(dir, study, await ledger.latest())
    if (unsaid !== null && !hearing.cancelled()) mailbox.judge(unsaid)
    if (mailbox.finished()) return { rounds: 0, finished: !hearing.cancelled() }
    const opened = await openWorkplace({
      ...options,
      onProgress,
      log,
      study,
      site,
      studentAfter: (round) => ledger.studentAfter(round),
      gate,
      newestPolicy: newestPolicy({ ...common, enforce }),
      connection,
    }).catch(async (thrown: unknown) => {
      await declineComing(mailbox, connection, asTesseraError(thrown), clock)
      throw thrown
    })
    work = opened
    hearing.bring(opened)
    const { rounds, unsettled } = opened
    try {
      // What was published before there were rounds to tell: it makes up for receipts that a crash has taken.
      for (const record of await ledger.since(Math.min(knownBefore + 1, unsettled))) {
        await rounds.published(record)
      }
      await performAll(mailbox, opened, signal)
    } finally {
      await opened.dispose()
    }
    // A turn for the answer to the last record.
    await nextTurn()
    return { rounds: rounds.delivered(), finished: farewell.word === null && !hearing.cancelled() }
  } catch (thrown) {
    // The gate may hear of it first.
    if (asTesseraError(thrown).code === 'ERR_POLICY_LEFT') goodbye()
    if (farewell.word !== null && !options.signal.aborted) {
      return { rounds: work?.rounds.delivered() ?? 0, finished: false }
    }
    throw options.signal.aborted ? interrupted() : (fatal ?? thrown)
  } finally {
    endLookOut()
    await farewell.word
    connection.close()
    // It may be writing the study down, and the folder is given back after this.
    await entering.catch(() => undefined)
  }
}

/** Ends what is at work, and says that the round goes on without this site. There is no other word for it: a site that is not there is not asked. */
async function leave(study: string, work: Workplace | null, ask: Ask): Promise<void> {
  const at = work?.rounds.where() ?? null
  work?.rounds.abandon('the leave of this site')
  work?.judge?.abandon('the leave of this site')
  if (at === null) return
  await ask('round:decline', { study, round: at.round, code: 'ERR_POLICY_LEFT' }).catch(() => undefined)
}

async function performAll(
  mailbox: Mailbox,
  { rounds, judge }: Workplace,
  signal: AbortSignal,
): Promise<void> {
  for (let errand = await mailbox.next(signal); errand !== null; errand = await mailbox.next(signal)) {
    if (errand.kind === 'round') await rounds.perform(errand.offer, signal)
    else await judge?.perform(errand.record, signal)
  }
}

function interrupted(): TesseraError {
  return new TesseraError('ERR_INTERRUPTED', 'agent must run until the study ends, got a stop')
}
