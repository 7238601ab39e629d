/** @file The work of a worker process that holds a whole federation, and what it measures. */
import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { startEngine } from '@tessera/shared/engine'
import { writeDurably } from '@tessera/shared/files'
import type { FederateOptions } from '../in-process/federate.ts'
import type { Report } from './tasks.ts'

/** Runs a study as a federation of this process, from FOLDER. */
export interface FederateTask
  extends Pick<FederateOptions, 'root' | 'study' | 'sites' | 'transport' | 'teacher' | 'start' | 'faults'> {
  readonly kind: 'federate'
  /** Where the student goes. */
  readonly model: string
}

export interface FederateResult {
  readonly engine: string
  /** Mean loss of each round, over the tiles of the sites that delivered and told theirs. */
  readonly losses: readonly number[]
  /** Seconds from the end of a round to the end of the next. */
  readonly roundSeconds: readonly number[]
  /** Spent in training steps, over all sites and rounds. */
  readonly stepSeconds: number
  /** Bytes of deltas that each site sent. */
  readonly uploadedBytes: Readonly<Record<string, number>>
  /** Rounds that sites declined or missed, and why. */
  readonly declined: readonly { readonly site: string; readonly round: number; readonly code: string }[]
}

/** @throws {TesseraError} What ends an agent or the study. */
export async function runFederation(
  { model, ...options }: FederateTask,
  report: Report,
): Promise<FederateResult> {
  const { description } = await startEngine()
  const { study, sites } = options
  const { rounds } = study.training
  const told = Array.from({ length: rounds + 1 }, () => ({ loss: 0, samples: 0 }))
  const uploadedBytes = Object.fromEntries(sites.map(({ name }) => [name, 0]))
  const declined: { site: string; round: number; code: string }[] = []
  const ends: number[] = []
  const startedMs = systemClock.elapsed()
  let done = 0
  const { federate } = await import('../in-process/federate.ts')
  const { student, stepSeconds } = await federate({
    ...options,
    onEvent(site, event) {
      if (event.kind === 'training') {
        const { round, step, steps, loss } = event
        report({ done: done + step / steps, total: rounds * sites.length, round, loss })
      } else if (event.kind === 'delivered') {
        done++
        uploadedBytes[site] = (uploadedBytes[site] ?? 0) + event.bytes
        const sum = told[event.round]
        if (sum === undefined || event.metrics.loss === null) return
        sum.loss += event.metrics.loss * event.samples
        sum.samples += event.samples
      } else if (event.kind === 'declined') declined.push({ site, round: event.round, code: event.code })
      else if (event.kind === 'published') ends[event.round - 1] ??= systemClock.elapsed()
    },
  })
  await mkdir(dirname(model), { recursive: true })
  await writeDurably(model, await readFile(student), 0o644)
  return {
    engine: description,
    losses: told.slice(1).map(({ loss, samples }) => loss / samples),
    roundSeconds: ends.map((end, i) => (end - (ends[i - 1] ?? startedMs)) / 1000),
    stepSeconds,
    uploadedBytes,
    declined,
  }
}
