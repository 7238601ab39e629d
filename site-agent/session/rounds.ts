/** @file One offered round from offer to receipt, and what becomes of it when it fails, is closed, or is offered again. */
import { MAX_DELAY_MS } from '@tessera/shared/clock'
import { asTesseraError, type ErrorCode, TesseraError } from '@tessera/shared/errors'
import type { Manifest, Offer, Published, SiteWork, Study } from '@tessera/shared/protocol'
import { signPayload } from '@tessera/shared/security'
import { ALREADY_THERE, deliver } from '../uplink/deliver.ts'
import { patientAsk } from '../uplink/patient.ts'
import type { LocalStates } from './local-states.ts'
import type { Receipts } from './receipts.ts'
import type { RoundTrainer, TrainedRound } from './train.ts'
import type { Turn } from './turn.ts'
import type { WorkContext } from './work-context.ts'

/** Faults of one round: the site says so and waits for the next. Any other fault would come again, so it ends the agent. */
const OF_THE_ROUND: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_TRAINING_DIVERGED',
  'ERR_UPDATE_NORM',
  'ERR_MODEL_HASH',
  'ERR_MODEL_FILE',
  'ERR_MODEL_UNKNOWN',
  'ERR_LAYOUT_MISMATCH',
  'ERR_TENSOR_SHAPE',
  'ERR_POLICY_LIMIT',
])

export interface RoundsOptions extends WorkContext {
  readonly trainer: RoundTrainer
  /** Within it a round is trained and delivered. */
  readonly turn: Turn
  readonly states: LocalStates
  readonly receipts: Receipts
  /** Whether what is late may still count, as the study has it. */
  readonly late: Study['federation']['late']
}

export interface Rounds {
  /** Does the round of an offer. @throws {TesseraError} What ends the agent. */
  perform(offer: Offer, signal: AbortSignal): Promise<void>
  /**
   * Gives the round at work its newest offer: another attempt, or the same again after a reconnect. False when the offer is of
   * another round, which ends the one at work.
   */
  renew(offer: Offer): boolean
  /** A round was published: what is at work for it has no use any more. */
  published(record: Published): Promise<void>
  /** Rounds up to this one are published, whether or not their records have come. */
  passed(round: number): void
  /** The study is over: nothing of what is at work has any use. */
  abandon(why: string): void
  /** The round at work and how far it is; null when there is none. */
  where(): SiteWork | null
  /** Rounds delivered in this life. */
  delivered(): number
}

/** Builds the rounds of a session. */
export function createRounds(options: RoundsOptions): Rounds {
  const { site, keys, connection, trainer, turn, permit, newestPolicy, states, receipts, late } = options
  const { clock, log, onProgress } = options
  let current: Work | null = null
  let delivered = 0
  /** Latest round that a late update counts in: there is nothing to do for it any more. */
  let countedIn = 0

  const settle = async (work: Work, trained: TrainedRound, signal: AbortSignal): Promise<void> => {
    const { offer } = work
    const { round, encoding, delta, samples, metrics, policyHash } = trained
    const { bytes, payload } = delta
    const { study, attempt, base, layoutHash, nonce } = offer
    const told = { samples, metrics, encoding, payload, bytes: bytes.byteLength }
    onProgress({ kind: 'trained', round, base, policyHash, ...told })
    // Before it is signed: an approval may take hours, and a manifest says when it was made.
    await permit('send', round, signal, async () => undefined)
    const manifest: Manifest = {
      study,
      site,
      round,
      attempt,
      base,
      layoutHash,
      ...told,
      policyHash,
      nonce,
      issuedAtMs: clock.now(),
    }
    const token = await signPayload('manifest', manifest, keys.privateKey)
    // One manifest, however often a pause stops it: the coordinator knows what it has of that.
    const receipt = await permit('send', round, signal, () =>
      deliver({
        connection,
        manifest: token,
        delta,
        signal,
        onProgress: (done, totalBytes) => onProgress({ kind: 'uploading', round, bytes: done, totalBytes }),
      }),
    ).catch(async (thrown: unknown) => {
      // The round was published, with this update, before a receipt came.
      if (work.counted) return null
      if (!ALREADY_THERE.has(asTesseraError(thrown).code) || !(await receipts.has(round, payload)))
        throw thrown
      return undefined
    })
    if (receipt === undefined) {
      log.info('offer.repeated', { round, attempt, reason: 'this site has its receipt' })
      return
    }
    if (receipt === null)
      log.warn('receipt.lost', { round, attempt, reason: 'the coordinator has the update' })
    else countedIn = (await receipts.accept(receipt, token, manifest)).countsIn ?? countedIn
    await states.commit(round)
    delivered++
    const loss = metrics.loss === null ? {} : { loss: metrics.loss }
    log.info('update.delivered', { round, attempt, samples, bytes: bytes.byteLength, ...loss })
    onProgress({ kind: 'delivered', round, attempt, samples, bytes: bytes.byteLength, metrics })
  }

  /** Delivers under the newest offer of the round: a later attempt takes over what the attempt before has trained. */
  const settleNewest = async (work: Work, trained: TrainedRound, signal: AbortSignal): Promise<void> => {
    work.state = 'held'
    await connection.joined(signal)
    work.state = 'uploading'
    for (;;) {
      const used = work.offer
      try {
        return await settle(work, trained, signal)
      } catch (thrown) {
        if (work.offer === used || !isVerdict(asTesseraError(thrown).code)) throw thrown
      }
    }
  }

  const train = async (work: Work, signal: AbortSignal): Promise<TrainedRound | null> => {
    const { offer } = work
    try {
      await newestPolicy()
      return await permit('train', offer.round, signal, () =>
        trainer.train(offer, patientAsk(connection, signal), signal),
      )
    } catch (thrown) {
      if (signal.aborted) throw thrown
      const error = asTesseraError(thrown)
      await decline(work.offer, error)
      if (!OF_THE_ROUND.has(error.code)) throw error
      return null
    }
  }

  const decline = async (offer: Offer, error: TesseraError): Promise<void> => {
    const { study, round, attempt } = offer
    log.warn('round.declined', { round, attempt, code: error.code, reason: error.message })
    onProgress({ kind: 'declined', round, code: error.code })
    // Courtesy: without it the round waits for its deadline.
    await connection.ask('round:decline', { study, round, code: error.code }).catch(() => undefined)
  }

  return {
    async perform(offer, stop) {
      const { round, attempt } = offer
      if (round <= countedIn) {
        log.info('offer.answered', { round, attempt, reason: 'a late update of this site counts in it' })
        return
      }
      if ((await receipts.of(round, attempt)) !== null) {
        // Whoever gave the receipt has the update, unless it was restored from a backup: it may have it again, the same bits.
        log.warn('receipt.forgotten', {
          round,
          attempt,
          reason: 'the coordinator asks for a round that it has given a receipt for',
        })
      }
      log.info('round.started', { round, attempt })
      const work: Work = { offer, over: new AbortController(), state: 'training', counted: false }
      current = work
      const signal = AbortSignal.any([stop, work.over.signal])
      const cancel = abortAtDeadline(work)
      try {
        await turn(signal, async () => {
          const trained = await train(work, signal)
          if (trained !== null) await settleNewest(work, trained, signal)
        })
      } catch (thrown) {
        if (stop.aborted) throw thrown
        const error = asTesseraError(work.over.signal.aborted ? work.over.signal.reason : thrown)
        if (!isVerdict(error.code)) throw error
        log.warn('round.missed', { round, attempt, code: error.code, reason: error.message })
        onProgress({ kind: 'declined', round, code: error.code })
      } finally {
        cancel()
        current = null
      }
    },
    renew(offer) {
      if (current === null) return false
      if (current.offer.round === offer.round) {
        current.offer = offer
        return true
      }
      if (!mayStillCount(current, offer.round)) end(current, `an offer of round ${offer.round}`)
      return false
    },
    async published({ round, contributors }) {
      const own = contributors.find((contributor) => contributor.site === site)
      const trained = round - (own?.staleness ?? 0)
      if (own !== undefined && (await states.held(trained)) === own.payload) {
        // The receipt may have been lost in a crash; the record says that the update counted.
        await states.commit(trained)
        if (current?.offer.round === trained) current.counted = true
      } else if (own !== undefined && !(await receipts.has(trained, own.payload))) {
        log.error('record.disputed', {
          round,
          reason: 'it counts an update that this site has no receipt for',
        })
      }
      this.passed(round)
    },
    passed(round) {
      if (current === null || current.offer.round > round || mayStillCount(current, round + 1)) return
      end(current, 'its published record')
    },
    abandon(why) {
      if (current !== null) end(current, why)
    },
    where() {
      if (current === null) return null
      const { round, attempt } = current.offer
      return { round, attempt, state: current.state }
    },
    delivered: () => delivered,
  }

  /** True when the study would take the work's update as a late one while `open` is the newest round. */
  function mayStillCount({ offer }: Work, open: number): boolean {
    return late !== 'refuse' && open > offer.round && open - offer.round <= late.maxStaleness
  }

  function abortAtDeadline(work: Work): () => void {
    // Both times are the coordinator's: their difference holds even when this machine's clock is wrong.
    const leftMs = work.offer.deadlineMs - work.offer.issuedAtMs
    if (late !== 'refuse' || leftMs > MAX_DELAY_MS) return () => undefined
    return clock.schedule(() => end(work, 'its deadline'), leftMs)
  }
}

/** A round at work. */
interface Work {
  /** The newest offer of the round. */
  offer: Offer
  /** Ends the work without ending the agent. */
  readonly over: AbortController
  state: SiteWork['state']
  /** A published record counts its update, receipt or not. */
  counted: boolean
}

function end({ offer, over }: Work, why: string): void {
  over.abort(new TesseraError('ERR_ROUND_CLOSED', `round ${offer.round} must be open, got ${why}`))
}

/** True for what the coordinator, or the site's policy, says about an update or its round: the site waits for the next one. */
function isVerdict(code: ErrorCode): boolean {
  return /^ERR_(UPDATE|ROUND|UPLOAD)_|^ERR_POLICY_LIMIT$/.test(code)
}
