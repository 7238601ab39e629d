/**
 * @file Lets contenders run in turn, A B C A B C …, one at a time while the others wait, and keeps what each step took.
 *
 * A slot is as many steps as fill `slotSeconds` at the speed of the contender's own warm-up, so that a slow one does not take all the time.
 */
import type { Clock } from '@tessera/shared/clock'
import { type Contender, type ContenderSpec, startContender } from './contender.ts'
import type { Done } from './messages.ts'
import { median } from './ratios.ts'

export interface ContestOptions {
  readonly contenders: readonly ContenderSpec[]
  readonly rounds: number
  /** Steps of each contender that are not counted: caches fill, graphs are recorded or compiled. */
  readonly warmUpSteps: number
  readonly slotSeconds: number
  /** No round begins after this time, but the first always does. */
  readonly budgetMs: number
  /** A contender must be ready, and answer each run, within this time. */
  readonly answerMs: number
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: ContestProgress) => void) | undefined
}

export interface ContestProgress {
  /** What happens now, for instance `round 2 of 5: wasm`. */
  readonly text: string
  /** Of the rounds that are left; null before the first round is over. */
  readonly secondsLeft: number | null
}

/** What one contender did. */
export interface Performance {
  readonly name: string
  readonly versions: Readonly<Record<string, string>>
  /** From its start to the end of its warm-up. */
  readonly startSeconds: number
  /** Losses of the warm-up: equal work from equal weights gives equal ones. */
  readonly warmUpLosses: readonly number[]
  /** Seconds of each step of each slot: one slot a round. */
  readonly slots: readonly (readonly number[])[]
  /** Share of the slots' time that the work waited for its data; absent where it needs none. */
  readonly waitedShare?: number
  /** Median seconds of the parts of a step; absent where they are not told apart. */
  readonly parts?: Readonly<Record<string, number>>
  /** Median over the slots of the processor seconds a step, of each kind of process; absent where nothing counts them. */
  readonly processor?: Readonly<Record<string, number>>
  /** Largest resident memory of any slot; null where the system cannot say. */
  readonly stepPeakBytes: number | null
  /** Largest resident memory of the process, start and compilation included. */
  readonly peakBytes: number
}

/**
 * Runs a contest; every child has ended when it returns or throws.
 * @returns One performance a contender, in the order given; all have the same number of slots.
 * @throws {TesseraError} ERR_BENCH_PEER if a contender fails; ERR_INTERRUPTED if stopped.
 */
export async function runContest(options: ContestOptions): Promise<Performance[]> {
  const { contenders, rounds, budgetMs, clock, onProgress } = options
  const runners: Runner[] = []
  try {
    // One after the other: a contender that compiles would slow another's warm-up.
    for (const spec of contenders) {
      onProgress?.({ text: `${spec.name} starts and warms up`, secondsLeft: null })
      runners.push(await startRunner(spec, options))
    }
    const startedMs = clock.now()
    for (let round = 1; round <= rounds; round++) {
      const elapsedMs = clock.now() - startedMs
      if (round > 1 && elapsedMs > budgetMs) break
      const leftMs = Math.min((elapsedMs / (round - 1)) * (rounds - round + 1), budgetMs)
      for (const runner of runners) {
        onProgress?.({
          text: `round ${round} of ${rounds}: ${runner.contender.name}`,
          secondsLeft: round === 1 ? null : leftMs / 1000,
        })
        runner.runs.push(await runner.contender.run(runner.stepsPerSlot))
      }
    }
  } finally {
    await Promise.all(runners.map(({ contender }) => contender.stop()))
  }
  return runners.map(performanceOf)
}

interface Runner {
  readonly contender: Contender
  readonly startSeconds: number
  readonly warmUp: Done
  readonly stepsPerSlot: number
  readonly runs: Done[]
}

async function startRunner(
  spec: ContenderSpec,
  { warmUpSteps, slotSeconds, answerMs, clock, signal }: ContestOptions,
): Promise<Runner> {
  const startedMs = clock.now()
  const contender = await startContender(spec, answerMs, signal)
  try {
    const warmUp = await contender.run(warmUpSteps)
    return {
      contender,
      startSeconds: (clock.now() - startedMs) / 1000,
      warmUp,
      stepsPerSlot: stepsToFill(slotSeconds, warmUp.seconds),
      runs: [],
    }
  } catch (thrown) {
    await contender.stop()
    throw thrown
  }
}

/** At least one step. The first step of a warm-up compiles or records, and says nothing of the speed if there are others. */
export function stepsToFill(slotSeconds: number, warmUpSeconds: readonly number[]): number {
  const telling = warmUpSeconds.length > 1 ? warmUpSeconds.slice(1) : warmUpSeconds
  return Math.max(1, Math.round(slotSeconds / median(telling)))
}

function performanceOf({ contender, startSeconds, warmUp, runs }: Runner): Performance {
  const stepPeaks = runs.flatMap(({ stepPeakBytes }) => stepPeakBytes ?? [])
  const waits = runs.flatMap(({ waitedSeconds }) => waitedSeconds ?? [])
  return {
    name: contender.name,
    versions: contender.versions,
    startSeconds,
    warmUpLosses: warmUp.losses,
    slots: runs.map(({ seconds }) => seconds),
    ...(waits.length > 0 ? { waitedShare: sum(waits) / sum(runs.flatMap(({ seconds }) => seconds)) } : {}),
    ...partsOf(runs),
    ...processorOf(runs),
    stepPeakBytes: stepPeaks.length > 0 ? Math.max(...stepPeaks) : null,
    peakBytes: Math.max(warmUp.peakBytes, ...runs.map(({ peakBytes }) => peakBytes)),
  }
}

function partsOf(runs: readonly Done[]): Pick<Performance, 'parts'> {
  const parts = mediansOf(runs, ({ parts = {} }) => parts)
  return parts ? { parts } : {}
}

function processorOf(runs: readonly Done[]): Pick<Performance, 'processor'> {
  const processor = mediansOf(runs, ({ processor = {}, seconds }) =>
    Object.fromEntries(Object.entries(processor).map(([name, spent]) => [name, [spent / seconds.length]])),
  )
  return processor ? { processor } : {}
}

/** Median of all values of a name; null when no run has any. */
function mediansOf(
  runs: readonly Done[],
  valuesOf: (run: Done) => Readonly<Record<string, readonly number[]>>,
): Record<string, number> | null {
  const all = runs.map(valuesOf)
  const names = new Set(all.flatMap((values) => Object.keys(values)))
  if (names.size === 0) return null
  return Object.fromEntries(
    [...names].map((name) => [name, median(all.flatMap((values) => values[name] ?? []))]),
  )
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
