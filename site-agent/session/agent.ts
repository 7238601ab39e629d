/**
 * @file The site agent: joins a study, trains each round it is offered on the site's tiles, delivers the signed delta, and ends with the study.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '@tessera/shared/clock'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import { writeDurably } from '@tessera/shared/files'
import type { Log } from '@tessera/shared/log'
import { studentLayout } from '@tessera/shared/model'
import { isJudged, type Plan, type Study, type Welcome } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { createNonce, sha256Hex } from '@tessera/shared/security'
import type { DataRules } from '../data/index.ts'
import { loadPolicy } from '../policy/index.ts'
import { type Ask, openConnection } from '../uplink/connection.ts'
import { type Gate, gatedParser } from '../uplink/gate.ts'
import { type Dial, dialOver } from '../uplink/socket.ts'
import { behindGate, gateStudy } from './behind-gate.ts'
import { declineComing } from './decline-coming.ts'
import type { AgentEvent } from './events.ts'
import { assertNotBehind, checkOffer, checkWelcome, joinStudy } from './join.ts'
import type { CountAnswers } from './judging.ts'
import { unsaidOf } from './judging-file.ts'
import { type Accepted, ledgerFolder, openLedger } from './ledger.ts'
import { createMailbox, type Mailbox } from './mailbox.ts'
import { pinPlan } from './plan.ts'
import { loadSite, type Site, updateIdentity } from './site-folder.ts'
import type { TrainerFactory } from './train.ts'
import type { Turn } from './turn.ts'
import { openWorkplace, studyFile, type Workplace } from './workplace.ts'

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
  /** Of several agents on one machine; between its turns an agent keeps nothing large in memory. Default: always its turn. */
  readonly turn?: Turn
}

export interface AgentOutcome {
  /** Rounds delivered in this life. */
  readonly rounds: number
  /** False: the operator has cancelled the study. */
  readonly finished: boolean
}

/** What a session knows once it has joined. */
interface Joined {
  readonly study: Study
  /** SHA-256 of its plan. */
  readonly plan: string
}

/**
 * Runs until the study is finished, or cancelled.
 * @throws {TesseraError} ERR_INTERRUPTED on the signal; ERR_CONFIG_INVALID, ERR_KEY_FILE, ERR_POLICY_FILE, ERR_POLICY_UNSIGNED, ERR_STORE_LOCKED,
 * ERR_AUDIT_BROKEN before anything is sent; ERR_POLICY_STUDY, ERR_POLICY_SAMPLES; what the coordinator says against the site; ERR_COORDINATOR_KEY, ERR_LAYOUT_MISMATCH; what openTiles throws.
 */
export async function runAgent(options: AgentOptions): Promise<AgentOutcome> {
  const { dir, clock } = options
  const site = await loadSite(dir)
  const policy = await loadPolicy(dir, site)
  return behindGate({ dir, clock, policy }, (gate) => runSession(options, site, gate))
}

async function runSession(options: AgentOptions, site: Site, gate: Gate): Promise<AgentOutcome> {
  const { dir, clock, onProgress = () => undefined } = options
  const { coordinator } = site
  const log = options.log.child({ site: site.site, study: options.study })
  const mailbox = createMailbox()
  let joined: Joined | null = null
  const ledger = await openLedger(
    ledgerFolder(dir, options.study),
    { study: options.study, plan: () => joined?.plan ?? '' },
    coordinator.keyOf,
  )
  const knownBefore = ledger.last()
  const instance = createNonce()
  /** Challenge of the newest connection. */
  let challenge = ''
  let work: Workplace | null = null
  let cancelled = false
  /** Latest round whose record this site should have, and whether it has asked for those that it lacked at the join. */
  let [wanted, caughtUp] = [0, false]
  /** The first join; offers and records wait for it. */
  let announce: (value: Joined) => void = () => undefined
  const whenJoined = new Promise<Joined>((resolve) => {
    announce = resolve
  })
  // What the coordinator says is looked at in the order it was said: a record ends a round before the next offer begins one.
  let looking: Promise<unknown> = whenJoined
  const inOrder = async (look: (known: Joined) => Promise<void>): Promise<void> => {
    const done = looking.then(async () => look(await whenJoined))
    looking = done.catch(() => undefined)
    await done
  }

  const enter = async (nonce: string, ask: Ask): Promise<void> => {
    challenge = nonce
    caughtUp = false
    const latest = await ledger.latest()
    const at = work?.rounds.where() ?? null
    const { welcome, plan, planToken } = await joinStudy({
      ...site,
      study: options.study,
      nonce,
      instance,
      latest,
      work: at,
      ask,
      clock,
      log,
    })
    const { study } = plan
    await pinPlan(dir, study.id, planToken)
    if (welcome.protocol > (site.protocol ?? 0)) await updateIdentity(dir, { protocol: welcome.protocol })
    joined ??= await admit(plan, sha256Hex(planToken), site, gate, options)
    await assertNotBehind(study.id, welcome, latest, ask)
    announce(joined)
    // In order with what was said meanwhile: a record that came before its forerunners waits for them.
    wanted = Math.max(wanted, welcome.round)
    await inOrder(() => catchUp(ask))
    caughtUp = true
    takeIn(welcome)
    onProgress({ kind: 'joined', study: study.id, site: site.site, rounds: study.training.rounds })
  }
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
      entering = enter(nonce, ask)
      return entering
    },
    async onSnapshot(token) {
      const { plan } = await whenJoined
      const session = { site: site.site, plan, coordinatorKey: coordinator.current(), nonce: challenge }
      takeIn(await checkWelcome(token, session))
    },
    onOffer: (token) => inOrder((known) => acceptOffer(token, known)),
    onPublished: (token) =>
      inOrder(async () => {
        const { record, as } = await acceptRecord(token)
        if (as !== 'ahead') return
        wanted = Math.max(wanted, record.round)
        // A join that is under way fetches it with the others.
        if (caughtUp) await catchUp(connection.ask)
      }),
  })

  /** Takes in the records of rounds that were published while this site was away. */
  const catchUp = async (ask: Ask): Promise<void> => {
    while (ledger.last() < wanted) {
      const { record } = await ask('ledger:fetch', { study: options.study, round: ledger.last() + 1 })
      const before = ledger.last()
      await acceptRecord(record)
      if (ledger.last() !== before + 1) {
        throw new TesseraError('ERR_MESSAGE_INVALID', `record must be of round ${before + 1}, got another`)
      }
    }
  }
  /** Where the study stands, from whatever this site was doing when it last heard of it. */
  const takeIn = ({ phase, paused, round, offer }: Welcome): void => {
    if (paused) log.info('study.paused', { round })
    if (phase === 'cancelled') {
      log.info('study.cancelled', { round })
      onProgress({ kind: 'cancelled' })
      cancelled = true
      work?.rounds.abandon('a cancelled study')
      work?.judge?.abandon('a cancelled study')
    }
    if (phase === 'cancelled') return mailbox.cancel()
    if (phase === 'finished') return mailbox.finish()
    work?.rounds.passed(round)
    work?.judge?.passed(round)
    if (offer !== null) inOrder((known) => acceptOffer(offer, known)).catch(() => undefined)
  }

  const acceptOffer = async (token: string, { study, plan }: Joined): Promise<void> => {
    const context = {
      site: site.site,
      study,
      layout: studentLayout(study),
      plan,
      coordinatorKey: coordinator.current(),
      latest: await ledger.latest(),
    }
    const offer = await checkOffer(token, context).catch((thrown: unknown) => {
      const { code, message } = asTesseraError(thrown)
      log.warn('offer.refused', { code, reason: message })
      throw thrown
    })
    if (work?.rounds.renew(offer) !== true) mailbox.offer(offer)
  }
  const acceptRecord = async (token: string): Promise<Accepted> => {
    const accepted = await ledger.accept(token).catch((thrown: unknown) => {
      const { code, message } = asTesseraError(thrown)
      log.error('record.refused', { code, reason: message })
      throw thrown
    })
    const { record, as } = accepted
    if (as !== 'next') return accepted
    const { round, student, contributors, final } = record
    await work?.rounds.published(record)
    work?.judge?.passed(round)
    log.info('round.published', { round, sites: contributors.length, sha256: student })
    onProgress({ kind: 'published', round, student, sites: contributors.length, final })
    if (joined !== null && isJudged(joined.study.judging, record)) mailbox.judge(record)
    if (final) mailbox.finish()
    return accepted
  }

  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  let fatal: TesseraError | null = null
  connection.ended.catch((error: unknown) => {
    fatal = asTesseraError(error)
    stop.abort()
  })
  try {
    await connection.joined(signal)
    const { study } = await whenJoined
    const unsaid = await unsaidOf(dir, study, await ledger.latest())
    if (unsaid !== null && !cancelled) mailbox.judge(unsaid)
    if (mailbox.finished()) return { rounds: 0, finished: !cancelled }
    work = await openWorkplace({
      ...options,
      onProgress,
      log,
      study,
      site,
      studentAfter: (round) => ledger.studentAfter(round),
      gate,
      connection,
    }).catch(async (thrown: unknown) => {
      await declineComing(mailbox, connection, asTesseraError(thrown), clock)
      throw thrown
    })
    const { rounds, unsettled } = work
    try {
      // What was published before there were rounds to tell: it makes up for receipts that a crash has taken.
      for (const record of await ledger.since(Math.min(knownBefore + 1, unsettled))) {
        await rounds.published(record)
      }
      await performAll(mailbox, work, signal)
    } finally {
      await work.dispose()
    }
    // A turn for the answer to the last record.
    await nextTurn()
    return { rounds: rounds.delivered(), finished: !cancelled }
  } catch (thrown) {
    throw options.signal.aborted ? interrupted() : (fatal ?? thrown)
  } finally {
    connection.close()
    // It may be writing the study down, and the folder is given back after this.
    await entering.catch(() => undefined)
  }
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

/** What the first welcome of a life brings about. */
async function admit(
  { study }: Plan,
  plan: string,
  { site, coordinatorKey }: Site,
  gate: Gate,
  { dir }: AgentOptions,
): Promise<Joined> {
  gate.admitStudy(gateStudy(study, { site, coordinatorKey }))
  await writeDurably(studyFile(dir, study.id), `${JSON.stringify(study, null, 2)}\n`)
  return { study, plan }
}

function interrupted(): TesseraError {
  return new TesseraError('ERR_INTERRUPTED', 'agent must run until the study ends, got a stop')
}
