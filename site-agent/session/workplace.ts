/** @file What a session works with once it knows its study: the tiles, what is kept on the disk, the trainer, and the rounds on top. */
import { join } from 'node:path'
import type { Clock } from '@tessera/shared/clock'
import type { Log } from '@tessera/shared/log'
import { studentLayout } from '@tessera/shared/model'
import type { Study } from '@tessera/shared/protocol'
import { openTiles } from '../data/index.ts'
import type { Connection } from '../uplink/connection.ts'
import type { Gate } from '../uplink/gate.ts'
import type { AgentEvent } from './events.ts'
import { openLocalStates } from './local-states.ts'
import { throttled } from './progress.ts'
import { openReceipts } from './receipts.ts'
import { createRounds, type Rounds } from './rounds.ts'
import type { Site } from './site-folder.ts'
import { createRoundTrainer, type TrainerFactory } from './train.ts'

export interface WorkplaceOptions {
  readonly dir: string
  readonly dataDir: string
  readonly maxBadShare?: number | undefined
  readonly allowMissingClasses?: boolean | undefined
  readonly createTrainer?: TrainerFactory
  readonly study: Study
  readonly site: Site
  readonly gate: Gate
  readonly connection: Connection
  readonly clock: Clock
  readonly log: Log
  readonly onProgress: (event: AgentEvent) => void
}

export interface Workplace {
  readonly rounds: Rounds
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

/** Opens it. @throws {TesseraError} What openTiles throws; ERR_STORE_CORRUPT. */
export async function openWorkplace(options: WorkplaceOptions): Promise<Workplace> {
  const { dir, study, gate, connection, clock, log, onProgress, maxBadShare, allowMissingClasses } = options
  const { site, keys, coordinator } = options.site
  const tiles = await openTiles({
    dir: options.dataDir,
    classes: study.classes,
    sizePx: study.tile.sizePx,
    ...(maxBadShare === undefined ? {} : { maxBadShare }),
    ...(allowMissingClasses === undefined ? {} : { allowMissingClasses }),
  })
  log.info('data.opened', { samples: tiles.count, count: tiles.skipped })
  onProgress({ kind: 'data', report: tiles.report })

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
    const progress = { study: study.id, round, step, steps, loss, secondsLeft }
    // For people only: lost progress is no loss.
    connection.ask('round:progress', progress).catch(() => undefined)
  }
  const trainer = createRoundTrainer({
    study,
    layout: studentLayout(study),
    site,
    tiles,
    cacheDir: join(dir, 'cache'),
    states,
    gate,
    createTrainer: options.createTrainer ?? distillTrainer,
    openTeacher: async (bytes, teacher) => {
      // Loaded late: only such a study needs its runtime.
      const { openOnnxTeacher } = await import('../teacher/index.ts')
      return openOnnxTeacher({ bytes, teacher, augment: study.training.augment, dir: join(dir, 'features') })
    },
    clock,
    onProgress: throttled(clock, tell),
  })
  const rounds = createRounds({
    site,
    keys,
    connection,
    trainer,
    states,
    receipts,
    clock,
    log,
    onProgress,
  })
  return { rounds, dispose: () => trainer.dispose() }
}

/** The trainer of production. Loaded late: enrolment, `site check` and `site audit` need no engine. */
const distillTrainer: TrainerFactory = async (options) => {
  const [{ startEngine }, { createTrainer }] = await Promise.all([
    import('@tessera/shared/engine'),
    import('../distill/index.ts'),
  ])
  await startEngine()
  return createTrainer(options)
}
