/**
 * @file Judging a published student: its answers on the site's own tiles of a part that is not trained on, as counts, signed, and said to the
 * coordinator. What goes wrong with it ends neither the agent nor a round: the site has then said nothing.
 */
import { join } from 'node:path'
import { MAX_DELAY_MS } from '@tessera/shared/clock'
import { asTesseraError, type ErrorCode, TesseraError } from '@tessera/shared/errors'
import { type ConfusionMatrix, confusionMatrix, itemsOf } from '@tessera/shared/metrics'
import { decodeModel, studentLayout, type Weights } from '@tessera/shared/model'
import type { Judging, Published, Study } from '@tessera/shared/protocol'
import { signPayload } from '@tessera/shared/security'
import type { OpenedTiles } from '../data/index.ts'
import type { TileSource } from '../distill/index.ts'
import type { Ask } from '../uplink/connection.ts'
import type { Gate } from '../uplink/gate.ts'
import { fetchModel } from '../uplink/models.ts'
import { patientAsk } from '../uplink/patient.ts'
import { readWord, type StoredWord, writeWord } from './judging-file.ts'
import type { Turn } from './turn.ts'
import type { WorkContext } from './work-context.ts'

/** Counts a student's answers on tiles; production's is site-agent/distill with the engine started. */
export type CountAnswers = (options: {
  readonly study: Study
  readonly weights: Weights
  readonly tiles: TileSource
  readonly signal: AbortSignal
}) => Promise<ConfusionMatrix>

export interface JudgeOptions extends WorkContext {
  readonly study: Study
  readonly rules: Judging
  readonly heldOut: OpenedTiles['heldOut']
  readonly count: CountAnswers
  readonly gate: Gate
  readonly turn: Turn
  /** The site's. */
  readonly dir: string
}

export interface Judge {
  /** Judges the student of a record, unless that was done. @throws {TesseraError} ERR_INTERRUPTED on `stop`, nothing else. */
  perform(record: Published, stop: AbortSignal): Promise<void>
  /** A later round is published: nobody asks for what was published before it. */
  passed(round: number): void
  /** The study is over: nobody asks for anything. */
  abandon(why: string): void
}

/** The coordinator's last word on a judgement: it has one, or wants none any more. */
const ANSWERED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_JUDGEMENT_CLOSED',
  'ERR_JUDGEMENT_DUPLICATE',
  'ERR_JUDGEMENT_FIT',
])

/** Builds the judge of a session. */
export function createJudge(options: JudgeOptions): Judge {
  const {
    site,
    keys,
    study,
    rules,
    gate,
    connection,
    permit,
    newestPolicy,
    turn,
    dir,
    clock,
    log,
    onProgress,
  } = options
  const tiles = options.heldOut[rules.part]
  let current: { readonly round: number; readonly over: AbortController } | null = null

  const countAnswers = async (student: string, ask: Ask, signal: AbortSignal): Promise<ConfusionMatrix> => {
    // Without a tile, or a word to say of them, there is nothing to compute.
    if (tiles.count === 0 || !gate.tellsCounts) return confusionMatrix([], [], study.classes.length)
    const bytes = await fetchModel({ dir: join(dir, 'cache'), sha256: student, ask, signal })
    return options.count({ study, weights: decodeModel(bytes, studentLayout(study)), tiles, signal })
  }
  const wordOn = async (
    { round, student }: Published,
    ask: Ask,
    signal: AbortSignal,
  ): Promise<StoredWord> => {
    const { policyHash } = gate
    const found = await readWord(dir, study.id)
    const isSame = found?.round === round && found.student === student && found.policyHash === policyHash
    if (isSame) {
      gate.admitJudgement(student, found.counts)
      return found
    }
    const counts = await countAnswers(student, ask, signal)
    const judgement = {
      study: study.id,
      site,
      round,
      student,
      part: rules.part,
      ...gate.admitJudgement(student, counts),
      policyHash,
      issuedAtMs: clock.now(),
    }
    const token = await signPayload('judgement', judgement, keys.privateKey)
    const word = { round, student, policyHash, counts, judgement: token, isSaid: false }
    // Before it is said: a site that is killed now says the same, to the byte, when it is back.
    await writeWord(dir, study.id, word)
    return word
  }
  const judge = async (record: Published, signal: AbortSignal): Promise<void> => {
    const ask = patientAsk(connection, signal)
    const word = await wordOn(record, ask, signal)
    if (word.isSaid) return
    const { round } = word
    const isTaken = await ask('round:judge', { judgement: word.judgement }).then(
      () => true,
      (thrown: unknown) => {
        const { code, message } = asTesseraError(thrown)
        if (!ANSWERED.has(code)) throw thrown
        log.warn('judgement.refused', { round, code, reason: message })
        return false
      },
    )
    await writeWord(dir, study.id, { ...word, isSaid: true })
    if (!isTaken) return
    const judged = itemsOf(word.counts)
    log.info('judgement.said', { round, samples: judged })
    onProgress({ kind: 'judged', round, tiles: judged })
  }

  return {
    async perform(record, stop) {
      const { round } = record
      const over = new AbortController()
      current = { round, over }
      const signal = AbortSignal.any([stop, over.signal])
      // After the last round nothing else ends it, when the coordinator has gone for good.
      const patienceMs = Math.min(study.federation.deadlineMs, MAX_DELAY_MS)
      const cancel = clock.schedule(
        () => over.abort(tooLate(round, 'no answer in the time of a round')),
        patienceMs,
      )
      try {
        await newestPolicy()
        await turn(signal, () => permit('judge', round, signal, () => judge(record, signal)))
      } catch (thrown) {
        if (stop.aborted) throw thrown
        const { code, message } = asTesseraError(over.signal.aborted ? over.signal.reason : thrown)
        log.warn('judgement.missed', { round, code, reason: message })
      } finally {
        cancel()
        current = null
      }
    },
    passed(round) {
      if (current !== null && current.round < round) this.abandon(`round ${round} published`)
    },
    abandon(why) {
      current?.over.abort(tooLate(current.round, why))
    },
  }
}

function tooLate(round: number, got: string): TesseraError {
  return new TesseraError(
    'ERR_JUDGEMENT_CLOSED',
    `student of round ${round} must be judged while it is the newest, got ${got}`,
  )
}
