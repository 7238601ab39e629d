/** @file What the coordinator says in a session, checked and looked at in the order it was said: where the study stands, offers, and records. */
import type { Clock } from '@tessera/shared/clock'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import { writeDurably } from '@tessera/shared/files'
import type { Log } from '@tessera/shared/log'
import { studentLayout } from '@tessera/shared/model'
import { isJudged, type Study, type Welcome } from '@tessera/shared/protocol'
import { createNonce, sha256Hex } from '@tessera/shared/security'
import type { Ask } from '../uplink/connection.ts'
import type { Gate } from '../uplink/gate.ts'
import { gateStudy } from './behind-gate.ts'
import type { AgentEvent } from './events.ts'
import { assertNotBehind, checkOffer, checkWelcome, joinStudy } from './join.ts'
import { type Accepted, type Ledger, ledgerFolder, openLedger } from './ledger.ts'
import type { Mailbox } from './mailbox.ts'
import { pinPlan } from './plan.ts'
import { type Site, updateIdentity } from './site-folder.ts'
import { studyFile, type Workplace } from './workplace.ts'

export interface HearingOptions {
  readonly dir: string
  /** Id of the study. */
  readonly study: string
  /** Name of the engine; absent where it is not known. */
  readonly engine?: string | undefined
  readonly site: Site
  readonly gate: Gate
  readonly mailbox: Mailbox
  readonly clock: Clock
  readonly log: Log
  readonly onProgress: (event: AgentEvent) => void
}

/** What a session knows once it has joined. */
export interface Joined {
  readonly study: Study
  /** SHA-256 of its plan. */
  readonly plan: string
}

export interface Hearing {
  /** The first join; offers and records wait for it. */
  readonly whenJoined: Promise<Joined>
  readonly ledger: Ledger
  /** Answers the challenge of a fresh connection: joins, and makes up for what was missed. */
  enter(nonce: string, ask: Ask): Promise<void>
  onSnapshot(welcome: string): Promise<void>
  onOffer(offer: string): Promise<void>
  onPublished(record: string, ask: Ask): Promise<void>
  /** From now on what is heard reaches the work too. */
  bring(work: Workplace): void
  /** True when the operator has cancelled the study. */
  cancelled(): boolean
}

/** Opens the site's ledger of the study, and listens. */
export async function createHearing(options: HearingOptions): Promise<Hearing> {
  const { dir, site, gate, mailbox, clock, log, onProgress } = options
  const { coordinator } = site
  let joined: Joined | null = null
  const about = { study: options.study, plan: () => joined?.plan ?? '' }
  const ledger = await openLedger(ledgerFolder(dir, options.study), about, coordinator.keyOf)
  const instance = createNonce()
  /** Challenge of the newest connection. */
  let challenge = ''
  let work: Workplace | null = null
  let isCancelled = false
  /** Latest round whose record this site should have, and whether it has asked for those that it lacked at the join. */
  let [wanted, caughtUp] = [0, false]
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

  /** What the first welcome of a life brings about. */
  const admit = async (study: Study, plan: string): Promise<Joined> => {
    gate.admitStudy(gateStudy(study, site))
    await writeDurably(studyFile(dir, study.id), `${JSON.stringify(study, null, 2)}\n`)
    return { study, plan }
  }
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
      isCancelled = true
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

  return {
    whenJoined,
    ledger,
    async enter(nonce, ask) {
      challenge = nonce
      caughtUp = false
      const latest = await ledger.latest()
      const at = work?.rounds.where() ?? null
      const { welcome, plan, planToken } = await joinStudy({
        ...site,
        study: options.study,
        nonce,
        engine: options.engine,
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
      joined ??= await admit(study, sha256Hex(planToken))
      await assertNotBehind(study.id, welcome, latest, ask)
      announce(joined)
      // In order with what was said meanwhile: a record that came before its forerunners waits for them.
      wanted = Math.max(wanted, welcome.round)
      await inOrder(() => catchUp(ask))
      caughtUp = true
      takeIn(welcome)
      onProgress({ kind: 'joined', study: study.id, site: site.site, rounds: study.training.rounds })
    },
    async onSnapshot(token) {
      const { plan } = await whenJoined
      const session = { site: site.site, plan, coordinatorKey: coordinator.current(), nonce: challenge }
      takeIn(await checkWelcome(token, session))
    },
    onOffer: (token) => inOrder((known) => acceptOffer(token, known)),
    onPublished: (token, ask) =>
      inOrder(async () => {
        const { record, as } = await acceptRecord(token)
        if (as !== 'ahead') return
        wanted = Math.max(wanted, record.round)
        // A join that is under way fetches it with the others.
        if (caughtUp) await catchUp(ask)
      }),
    bring(brought) {
      work = brought
    },
    cancelled: () => isCancelled,
  }
}
