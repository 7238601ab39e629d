/**
 * @file What the page shows, put together from where it is: the agent's events, the audit log, the policy's files, the check. Looked at only while somebody looks.
 * A section that is as it was keeps its identity, so that whoever compares it with the last one sees what has changed.
 */
import { readFile } from 'node:fs/promises'
import type { Clock } from '@tessera/shared/clock'
import type { DataHealth, Departed, PolicyStanding, SiteView } from '@tessera/shared/dashboard/site-view'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import { type Study, study as studySchema } from '@tessera/shared/protocol'
import { fingerprint } from '@tessera/shared/security'
import type { CheckedTiles, CheckOptions } from '../data-check/check-tiles.ts'
import { loadPolicy, type Policy, pausedSince, readPolicy } from '../policy/index.ts'
import { policyRules } from '../screen/policy-lines.ts'
import type { AgentEvent } from '../session/events.ts'
import { auditFile, type Site } from '../session/site-folder.ts'
import { studyFile } from '../session/workplace.ts'
import { type AuditBook, openAuditBook } from './audit-book.ts'
import { checked, checking, opened, UNREAD } from './data-health.ts'
import { createFrames, type Frames } from './frames.ts'
import { createWatch, type Watch } from './watch.ts'

export interface ModelOptions {
  readonly dir: string
  readonly site: Site
  readonly study: string
  readonly coordinatorUrl: string
  readonly version: string
  readonly engine: string
  readonly clock: Clock
  readonly log: Log
  /** Looks at all tiles as the study would train on them. */
  readonly checkTiles: (options: Pick<CheckOptions, 'study' | 'onRead' | 'signal'>) => Promise<CheckedTiles>
}

export interface Model {
  see(event: AgentEvent): void
  readonly watch: Pick<Watch, 'leaving'>
  readonly frames: Frames
  /** The audit log, read as far as it goes; throws ERR_AUDIT_BROKEN. */
  book(): Promise<AuditBook>
  /** Reads every line of the audit log again; what is found is in the view. */
  readAgain(): Promise<void>
  /** Begins a check of the tiles; one that is under way goes on. @throws {TesseraError} ERR_STUDY_UNKNOWN before the first join. */
  checkData(): Promise<void>
  /** As it is now; its number is always 0. */
  view(): Promise<SiteView>
  /** Stops what is under way. */
  close(): void
}

type Chain = Pick<Departed, 'chain' | 'sentence' | 'readAtMs'>

/** Builds it. Nothing is read before {@link Model.view} is asked for. */
export async function createModel(options: ModelOptions): Promise<Model> {
  const { dir, site, clock, log } = options
  const watch = createWatch(clock)
  const frames = createFrames(dir)
  const closing = new AbortController()
  const facts: SiteView['site'] = {
    site: site.site,
    study: options.study,
    version: options.version,
    engine: options.engine,
    startedAtMs: clock.now(),
    fingerprint: fingerprint(site.publicKey),
  }
  let policy = await readPolicyFile(dir, site)
  let book = openAuditBook(auditFile(dir), zoneOf(policy.policy))
  let chain: Chain = { chain: 'unread', sentence: '', readAtMs: null }
  let data: DataHealth = UNREAD
  let check: Promise<void> | null = null
  let refreshing: Promise<void> | null = null
  let reading: Promise<void> | null = null

  const read = async (work: (book: AuditBook) => Promise<void>, isWhole: boolean): Promise<void> => {
    const before = chain
    if (isWhole || before.chain === 'unread') chain = { ...before, chain: 'reading' }
    try {
      await work(book)
      const all = isWhole || before.readAtMs === null
      chain = { chain: 'whole', sentence: '', readAtMs: all ? clock.now() : before.readAtMs }
    } catch (thrown) {
      chain = { chain: 'broken', sentence: asTesseraError(thrown).message, readAtMs: clock.now() }
      throw thrown
    }
  }
  const refresh = async (): Promise<void> => {
    // What was found broken stays so until a person has it read again.
    if (chain.chain === 'broken') throw new TesseraError('ERR_AUDIT_BROKEN', chain.sentence)
    await read((book) => book.refresh(), false)
  }
  const takePolicy = async (): Promise<void> => {
    const zone = zoneOf(policy.policy)
    policy = await readPolicyFile(dir, site)
    if (zoneOf(policy.policy) === zone) return
    // Days are counted anew.
    book = openAuditBook(auditFile(dir), zoneOf(policy.policy))
    chain = { chain: 'unread', sentence: '', readAtMs: null }
  }
  const departed = async (): Promise<Departed> => {
    refreshing ??= refresh()
      .catch(() => undefined)
      .finally(() => {
        refreshing = null
      })
    // A long log takes seconds the first time: meanwhile all else is shown.
    await Promise.race([refreshing, pause(PATIENCE_MS, clock)])
    const { rounds, ...sums } = book.sums(clock.now())
    const shown = rounds.map(async (round) => ({
      ...round,
      receiptAtMs: await frames.receiptAtMs(round.study, round.round),
    }))
    const { largestUpload, roundsPerDay } = policy.policy ?? NO_LIMITS
    return {
      ...chain,
      ...sums,
      limits: { bytes: largestUpload.dayBytes, rounds: roundsPerDay },
      timeZone: zoneOf(policy.policy),
      rounds: await Promise.all(shown),
    }
  }
  const pausedSinceMs = async (): Promise<number | null> => {
    const since = await pausedSince(dir)
    return since === null ? null : Date.parse(since) || 0
  }
  const lookAtTiles = async (study: Study): Promise<void> => {
    const { signal } = closing
    const before = data
    data = checking(before, 0, 0)
    const onRead = (done: number, total: number): void => {
      data = checking(before, done, total)
    }
    try {
      data = checked(await options.checkTiles({ study, onRead, signal }), clock.now())
    } catch (thrown) {
      const { code, message } = asTesseraError(thrown)
      if (!signal.aborted) log.warn('check.failed', { code, reason: message })
      data = { ...before, fault: { code, message } }
    }
  }

  return {
    watch,
    frames,
    see(event) {
      watch.see(event)
      if (event.kind === 'data' && data.state !== 'checking') data = opened(event.report, clock.now())
    },
    async book() {
      await refresh()
      return book
    },
    readAgain() {
      // One at a time: a long log takes minutes, and whoever asks meanwhile gets the same answer.
      reading ??= read((book) => book.readAgain(), true)
        .catch(() => undefined)
        .finally(() => {
          reading = null
        })
      return reading
    },
    async checkData() {
      const study = await joinedStudy(dir, options.study)
      check ??= lookAtTiles(study).finally(() => {
        check = null
      })
    },
    async view() {
      await takePolicy()
      return {
        number: 0,
        site: facts,
        agent: { ...watch.agent(), pausedSinceMs: await pausedSinceMs() },
        round: watch.round(),
        connection: {
          ...watch.connection(),
          url: options.coordinatorUrl,
          fingerprint: fingerprint(site.coordinator.current()),
        },
        departed: await departed(),
        data,
        policy: standingOf(policy, watch.policy()),
      }
    },
    close: () => closing.abort(),
  }
}

/** What new lines take, ten times over. */
const PATIENCE_MS = 100

function pause(ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => void clock.schedule(resolve, ms))
}

/** While policy.yaml cannot be read. */
const NO_LIMITS = { largestUpload: { dayBytes: 0 }, roundsPerDay: 0 }

interface PolicyFile {
  readonly policy: Policy | null
  readonly hash: string
  readonly isSigned: boolean
  readonly fault: string
}

async function readPolicyFile(dir: string, site: Site): Promise<PolicyFile> {
  try {
    const { policy, hash } = await readPolicy(dir, site.site)
    return await loadPolicy(dir, site).then(
      () => ({ policy, hash, isSigned: true, fault: '' }),
      (thrown: unknown) => ({ policy, hash, isSigned: false, fault: asTesseraError(thrown).message }),
    )
  } catch (thrown) {
    return { policy: null, hash: '', isSigned: false, fault: asTesseraError(thrown).message }
  }
}

function standingOf({ policy, hash, isSigned, fault }: PolicyFile, inForce: string): PolicyStanding {
  const signed = hash === inForce ? 'in-force' : 'signed'
  const file = policy === null ? 'unreadable' : isSigned ? signed : 'unsigned'
  return { sha256: inForce, file, fault, rules: policy === null ? [] : policyRules(policy) }
}

function zoneOf(policy: Policy | null): string {
  return policy?.timeZone ?? 'UTC'
}

/** As this site has joined it. */
async function joinedStudy(dir: string, id: string): Promise<Study> {
  const text = await readFile(studyFile(dir, id), 'utf8').catch((cause: unknown) => {
    const message = 'study must have been joined before its tiles are checked, got one that was not yet'
    throw new TesseraError('ERR_STUDY_UNKNOWN', message, { cause })
  })
  return studySchema.parse(JSON.parse(text))
}
