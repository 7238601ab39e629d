/** @file Looks at every tile of a listing once: decodes it, keeps the pixels where there is room, measures it, and tells what it found in the listing's order. */
import { SKIP_REASONS, type SkipReason } from './decode.ts'
import type { Measures } from './measures/measure.ts'
import type { TileOrigin } from './origin.ts'
import { BAD, DIGEST_BYTES, RESIZED, type SurveyJob } from './tile-job.ts'
import { createProgress } from './tile-queue.ts'
import { type RunningJob, runJob } from './tile-workers.ts'

/** A usable tile. */
export interface Finding {
  /** Of its pixels: equal for equal tiles. */
  readonly digest: string
  /** True when the file had another size. */
  readonly resized: boolean
}

export interface SurveyOptions {
  readonly origins: readonly TileOrigin[]
  readonly sizePx: number
  /** Room for the tiles that have a slot, or null. */
  readonly store: Uint8Array | null
  /** Place of each tile in `store`. */
  readonly slots: Int32Array
  /** Room for what is measured of each tile, or null. */
  readonly measures: Measures | null
  /** Threads; 0: the main thread. */
  readonly workers: number
}

/** Files a job: few enough that a folder of rubbish is noticed early. */
const FILES_PER_JOB = 128
/** Jobs begun before their turn, so that no thread waits for the slowest tile of a job. */
const JOBS_AHEAD = 2

/** Yields what each tile is, in the listing's order, whatever finishes first. Stops the work when it is left early. */
export async function* surveyTiles(
  options: SurveyOptions,
): AsyncGenerator<{ index: number } & (Finding | { skipped: SkipReason })> {
  const ahead: { job: SurveyJob; running: RunningJob }[] = []
  let next = 0
  const begin = (): void => {
    for (; ahead.length < JOBS_AHEAD && next < options.origins.length; next += FILES_PER_JOB) {
      const job = surveyJob(options, next, Math.min(next + FILES_PER_JOB, options.origins.length))
      ahead.push({ job, running: runJob(job, options.workers) })
    }
  }
  try {
    for (begin(); ahead.length > 0; ) {
      const { job, running } = ahead[0] as (typeof ahead)[number]
      await running.done
      ahead.shift()
      begin()
      for (let i = 0; i < job.outcomes.length; i++) yield { index: job.first + i, ...findingOf(job, i) }
    }
  } finally {
    for (const { running } of ahead) running.cancel()
  }
}

function surveyJob(options: SurveyOptions, from: number, to: number): SurveyJob {
  const files = to - from
  return {
    kind: 'survey',
    sizePx: options.sizePx,
    origins: options.origins.slice(from, to),
    store: options.store,
    slots: options.slots.slice(from, to),
    measures: options.measures,
    first: from,
    outcomes: new Uint8Array(new SharedArrayBuffer(files)),
    digests: new Uint8Array(new SharedArrayBuffer(files * DIGEST_BYTES)),
    progress: createProgress(),
  }
}

function findingOf({ outcomes, digests }: SurveyJob, i: number): Finding | { skipped: SkipReason } {
  const outcome = outcomes[i] as number
  if (outcome >= BAD) return { skipped: SKIP_REASONS[outcome - BAD] as SkipReason }
  const digest = Buffer.from(digests.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES)).toString('base64')
  return { digest, resized: outcome === RESIZED }
}
