/** @file Before a site starts: is there room, is the engine there, how long will a round take? Every line is looked at, whatever another says. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@tessera/shared/clock'
import { asTesseraError } from '@tessera/shared/errors'
import { type Study, study as studySchema } from '@tessera/shared/protocol'
import { readableSeconds } from '@tessera/shared/readable'
import type { FrozenTeacher, TileSource } from '../distill/index.ts'
import type { TrainerFactory } from '../session/train.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { diskNeed, judgeDisk, judgeMemory, judgeRound } from './judge.ts'
import type { Machine } from './machine.ts'
import { timeSteps } from './step.ts'

export interface PreflightOptions {
  readonly dir: string
  readonly study: Study
  /** Null: the tiles cannot be used, so nothing is trained. */
  readonly tiles: TileSource | null
  readonly machine: Machine
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly createTrainer: TrainerFactory
}

/** Looks at everything, in an order in which memory comes after the step that takes it. */
export async function preflight(options: PreflightOptions): Promise<Finding[]> {
  const { dir, study, machine } = options
  // Not before it is needed: it brings the engine's library with it.
  const { moduleNumbers } = await import('../distill/index.ts')
  const needed = diskNeed(study, options.tiles?.labels.length ?? 0, moduleNumbers(study))
  const findings = [judgeDisk(await machine.freeDiskBytes(dir), needed)]
  const engine = await lookAtEngine(machine)
  findings.push(engine)
  if (engine.status === 'ok') findings.push(await lookAtRound(options))
  findings.push(judgeMemory(machine.freeMemoryBytes(), machine.usedMemoryBytes()))
  return findings
}

async function lookAtEngine(machine: Machine): Promise<Finding> {
  try {
    return ok('engine', (await machine.startEngine()).replace(/^engine: /, ''))
  } catch (thrown) {
    return fail('engine', asTesseraError(thrown).message, 'tessera doctor says what is missing.')
  }
}

async function lookAtRound(options: PreflightOptions): Promise<Finding> {
  const { study, tiles } = options
  if (tiles === null) {
    return fail('round', 'not timed: the tiles cannot be used', 'See to the tiles first.')
  }
  let frozenTeacher: FrozenTeacher | null = null
  try {
    frozenTeacher = await cachedTeacher(options)
    if (study.teacher?.name === 'onnx' && frozenTeacher === null) {
      const text = 'not timed: the ONNX teacher of this study has not been fetched yet'
      return warn('round', text, 'tessera site start --dry-run fetches it and trains a whole round.')
    }
    const { stepSeconds, steps, roundSeconds } = await timeSteps({ ...options, tiles, frozenTeacher })
    const batch = Math.min(study.training.batchSize, tiles.count)
    const text = `${stepSeconds.toFixed(2)} s a step of ${batch} tiles, ${steps} a round: about ${readableSeconds(roundSeconds)} a round`
    return judgeRound(roundSeconds, study.federation.deadlineMs, text)
  } catch (thrown) {
    if (options.signal.aborted) throw thrown
    return fail(
      'round',
      asTesseraError(thrown).message,
      'A step of this study must work here before its rounds can.',
    )
  } finally {
    await frozenTeacher?.dispose()
  }
}

/** The study's ONNX teacher, when an earlier start has fetched it. */
async function cachedTeacher({ dir, study }: PreflightOptions): Promise<FrozenTeacher | null> {
  if (study.teacher?.name !== 'onnx') return null
  const bytes = await readFile(join(dir, 'cache', study.teacher.sha256)).catch(() => null)
  if (bytes === null) return null
  const { openOnnxTeacher } = await import('../teacher/index.ts')
  const { teacher, training } = study
  return openOnnxTeacher({ bytes, teacher, augment: training.augment, dir: join(dir, 'features') })
}

/** What is timed before a site has joined any study: MoMA's own defaults, student and teacher EfficientNet-B0. */
export function defaultStudy(classes: readonly string[], sizePx: number): Study {
  return studySchema.parse({
    id: 'default',
    seed: 'preflight',
    classes: [...classes],
    tile: { sizePx },
    student: {},
    teacher: { name: 'efficientnet-b0', sha256: '0'.repeat(64), task: 'same', classes: classes.length },
    method: { name: 'moma' },
    training: { rounds: 1 },
  })
}
