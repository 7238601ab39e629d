/** @file What a session works with once it knows its study: the tiles, what is kept on the disk, the trainer, and the rounds on top. */
import { join } from 'node:path'
import type { Clock } from '@tessera/shared/clock'
import type { Log } from '@tessera/shared/log'
import { studentArchitecture, studentLayout } from '@tessera/shared/model'
import type { Study } from '@tessera/shared/protocol'
import { type DataRules, type OpenedTiles, openTiles, tileOptions } from '../data/index.ts'
import type { TileSource } from '../distill/index.ts'
import { createPermit } from '../policy/index.ts'
import type { Connection } from '../uplink/connection.ts'
import type { Gate } from '../uplink/gate.ts'
import type { AgentEvent } from './events.ts'
import { type CountAnswers, createJudge, type Judge } from './judging.ts'
import { type LocalStates, openLocalStates } from './local-states.ts'
import { throttled } from './progress.ts'
import { openReceipts } from './receipts.ts'
import { createRounds, type Rounds } from './rounds.ts'
import type { Site } from './site-folder.ts'
import { createRoundTrainer, type RoundTrainer, type TrainerFactory } from './train.ts'
import { atOnce, type Turn } from './turn.ts'

/** What training takes. */
export interface TrainingOptions {
  readonly dir: string
  readonly dataDir: string
  readonly dataRules?: DataRules
  readonly createTrainer?: TrainerFactory
  readonly study: Study
  readonly site: Site
  /** SHA-256 of the student that an earlier round has published. */
  readonly studentAfter: (round: number) => Promise<string>
  readonly gate: Gate
  readonly clock: Clock
  readonly onProgress: (event: AgentEvent) => void
}

export interface WorkplaceOptions extends TrainingOptions {
  readonly turn?: Turn
  readonly countAnswers?: CountAnswers
  readonly newestPolicy: () => Promise<void>
  readonly connection: Connection
  readonly log: Log
}

export interface Workplace {
  readonly rounds: Rounds
  /** Null: the study does not judge. */
  readonly judge: Judge | null
  /** First of the rounds that were trained and have no receipt here; none: `Infinity`. */
  readonly unsettled: number
  dispose(): Promise<void>
}

/** Where a study's state and ledger live in a site's folder. */
export function studyFolder(dir: string, study: string): string {
  return join(dir, 'state', study)
}

/** The study as it was joined, for `site check --study`. */
export function studyFile(dir: string, study: string): string {
  return join(studyFolder(dir, study), 'study.json')
}

/** Opens the tiles, and tells how many there are. @throws {TesseraError} What openTiles throws; ERR_POLICY_SAMPLES. */
export async function openSiteTiles(options: TrainingOptions): Promise<OpenedTiles> {
  const { dataDir, study, gate, dataRules, onProgress } = options
  const tiles = await openTiles({
    ...dataRules,
    ...tileOptions(study),
    dir: dataDir,
  })
  gate.admitTiles(tiles.classCounts)
  onProgress({ kind: 'data', report: tiles.report })
  return tiles
}

/** Builds the study's trainer on these tiles and states. */
export function openTraining(options: TrainingOptions, tiles: TileSource, states: LocalStates): RoundTrainer {
  const { dir, study, site, studentAfter, gate, clock, onProgress, createTrainer = distillTrainer } = options
  return createRoundTrainer({
    study,
    layout: studentLayout(study),
    site: site.site,
    tiles,
    cacheDir: join(dir, 'cache'),
    states,
    gate,
    createTrainer,
    studentAfter,
    openTeacher: async (bytes, teacher) => {
      // Loaded late: only such a study needs its runtime.
      const { openOnnxTeacher } = await import('../teacher/index.ts')
      return openOnnxTeacher({ bytes, teacher, augment: study.training.augment, dir: join(dir, 'features') })
    },
    clock,
    onProgress: throttled(clock, onProgress),
  })
}

/** Opens it. @throws {TesseraError} As {@link openSiteTiles}; ERR_STORE_CORRUPT. */
export async function openWorkplace(options: WorkplaceOptions): Promise<Workplace> {
  const { dir, study, gate, newestPolicy, connection, turn, clock, log, onProgress } = options
  const { site, keys, coordinator } = options.site
  const tiles = await openSiteTiles(options)
  log.info('data.opened', { samples: tiles.count, count: tiles.skipped })

  const states = openLocalStates(studyFolder(dir, study.id))
  const receipts = openReceipts(join(dir, 'receipts', study.id), coordinator.current)
  for (const round of await states.heldRounds()) {
    // Delivered, and then the machine stopped before the state was committed.
    const payload = await states.held(round)
    if (payload !== null && (await receipts.has(round, payload))) await states.commit(round)
  }
  const tell = (event: AgentEvent): void => {
    onProgress(event)
    if (event.kind !== 'training') return
    const { round, step, steps, loss, secondsLeft } = event
    const told = gate.mayTellLoss() ? loss : null
    const progress = { study: study.id, round, step, steps, loss: told, secondsLeft }
    // For people only: lost progress is no loss.
    connection.ask('round:progress', progress).catch(() => undefined)
  }
  const trainer = openTraining({ ...options, onProgress: tell }, tiles, states)
  const permit = createPermit({
    ask: (step, round) => gate.assertRound(step, round),
    clock,
    onWaiting(round, { code, message }) {
      log.warn('round.waiting', { round, code, reason: message })
      onProgress({ kind: 'waiting', round, code, reason: message })
    },
  })
  const common = { site, keys, connection, newestPolicy, permit, clock, log, onProgress }
  const rounds = createRounds({
    ...common,
    trainer,
    turn:
      turn === undefined
        ? atOnce
        : (signal, work) => turn(signal, () => work().finally(() => trainer.rest())),
    states,
    receipts,
    late: study.federation.late,
  })
  const { countAnswers: count = distillCount } = options
  const { heldOut } = tiles
  const judge =
    study.judging === undefined
      ? null
      : createJudge({
          ...common,
          study,
          rules: study.judging,
          heldOut,
          count,
          gate,
          turn: turn ?? atOnce,
          dir,
        })
  const unsettled = Math.min(...(await states.heldRounds()))
  return { rounds, judge, unsettled, dispose: () => trainer.dispose() }
}

/** The trainer of production. Loaded late: enrolment, `site check` and `site audit` need no engine. */
export const distillTrainer: TrainerFactory = async (options) => {
  const [{ startEngine }, { createTrainer }] = await Promise.all([
    import('@tessera/shared/engine'),
    import('../distill/index.ts'),
  ])
  await startEngine()
  return createTrainer(options)
}

/** The evaluation of production, loaded late too. */
const distillCount: CountAnswers = async ({ study, weights, tiles, signal }) => {
  const [{ startEngine }, { evaluate }] = await Promise.all([
    import('@tessera/shared/engine'),
    import('../distill/index.ts'),
  ])
  await startEngine()
  const { matrix } = await evaluate({
    architecture: studentArchitecture(study),
    classes: study.classes.length,
    weights,
    tiles,
    batchSize: study.training.batchSize,
    signal,
  })
  return matrix
}
