/** @file The coordinator's metrics: what is counted as it happens, and what is looked up when somebody asks. */
import type { Clock } from '@tessera/shared/clock'
import { createMetrics, watchProcess } from '@tessera/shared/operation'
import { TESSERA_VERSION } from '@tessera/shared/protocol'
import type { StudyProgress } from '../running/index.ts'
import { COORDINATOR_METRICS } from './metric-list.ts'
import type { Observer } from './observer.ts'

/** What is looked up when somebody asks. */
export interface Surroundings {
  /** Where each study stands. Empty until the coordinator is open. */
  studies(): readonly StudyProgress[]
  disk(): Promise<{ readonly freeBytes: number; readonly bytes: number }>
  /** Null without TLS of its own. */
  readonly certificateEndsAtMs: number | null
}

export interface CoordinatorMetrics {
  readonly observer: Observer
  readonly contentType: string
  text(): Promise<string>
  stop(): void
}

/** Starts counting. */
export function createCoordinatorMetrics(clock: Clock, surroundings: Surroundings): CoordinatorMetrics {
  const metrics = createMetrics(COORDINATOR_METRICS)
  const startedAtMs = clock.now()
  const own = watchProcess(metrics, TESSERA_VERSION, startedAtMs)
  const opened = new Map<string, number>()
  let sessions = 0
  metrics.set('tessera_sessions', sessions)
  const { certificateEndsAtMs: ends } = surroundings
  if (ends !== null) metrics.set('tessera_certificate_expiry_timestamp_seconds', ends / 1000)

  const observer: Observer = {
    recorded(event) {
      if (event.type === 'round.opened') opened.set(event.study, event.openedAtMs)
      else if (event.type === 'round.closed' && event.outcome === 'retry')
        metrics.add('tessera_round_repeated_total', 1, { study: event.study })
      else if (event.type === 'update.accepted')
        metrics.add('tessera_updates_accepted_total', 1, { study: event.study })
      else if (event.type === 'judgement.accepted')
        metrics.add('tessera_judgements_accepted_total', 1, { study: event.study })
      else if (event.type === 'round.published') {
        metrics.add('tessera_published_total', 1, { study: event.study })
        const since = opened.get(event.study)
        // Unknown of a round that was opened before this start.
        if (since !== undefined)
          metrics.observe('tessera_round_seconds', (clock.now() - since) / 1000, { study: event.study })
      }
    },
    worked({ work, durationMs, code }) {
      const seconds = durationMs / 1000
      if (work === 'append') {
        if (code === null) metrics.observe('tessera_store_append_seconds', seconds)
        else metrics.add('tessera_store_errors_total', 1, { code })
      } else if (code !== null) metrics.add('tessera_work_failed_total', 1, { work, code })
      else if (work === 'upload') metrics.observe('tessera_upload_seconds', seconds)
      else if (work === 'aggregate') metrics.observe('tessera_aggregate_seconds', seconds)
    },
    moved: (way, bytes) => metrics.add(`tessera_${way}_bytes_total`, bytes),
    session(change) {
      sessions += change
      metrics.set('tessera_sessions', sessions)
    },
    refused: (what, code) => metrics.add('tessera_refused_total', 1, { what, code }),
  }
  return {
    observer,
    contentType: metrics.contentType,
    async text() {
      own.look()
      for (const name of STUDY_GAUGES) metrics.clear(name)
      for (const progress of surroundings.studies()) {
        const publishedAtMs = progress.publishedAtMs ?? startedAtMs
        metrics.set('tessera_published_timestamp_seconds', publishedAtMs / 1000, { study: progress.study })
        showStudy((name, value, labels) => metrics.set(name, value, labels), progress)
      }
      const { freeBytes, bytes } = await surroundings.disk()
      metrics.set('tessera_disk_free_bytes', freeBytes)
      metrics.set('tessera_disk_bytes', bytes)
      return metrics.text()
    },
    stop: () => own.stop(),
  }
}

/** Those that {@link showStudy} sets, for whatever there is of studies and sites now. */
const STUDY_GAUGES = [
  'tessera_study_phase',
  'tessera_study_paused',
  'tessera_study_rounds',
  'tessera_round',
  'tessera_round_deadline_timestamp_seconds',
  'tessera_round_offered_sites',
  'tessera_round_accepted_sites',
  'tessera_round_loss',
  'tessera_published_timestamp_seconds',
  'tessera_site_connected',
  'tessera_site_missed_rounds',
] as const

function showStudy(
  set: (name: (typeof STUDY_GAUGES)[number], value: number, labels: Record<string, string>) => void,
  {
    study,
    phase,
    paused,
    round,
    rounds,
    deadlineMs,
    offered,
    accepted,
    meanLoss,
    sites,
    excluded,
  }: StudyProgress,
): void {
  set('tessera_study_phase', 1, { study, phase })
  set('tessera_study_paused', Number(paused), { study })
  set('tessera_study_rounds', rounds, { study })
  set('tessera_round', round, { study })
  if (deadlineMs !== null) set('tessera_round_deadline_timestamp_seconds', deadlineMs / 1000, { study })
  set('tessera_round_offered_sites', offered, { study })
  set('tessera_round_accepted_sites', accepted, { study })
  if (meanLoss !== null) set('tessera_round_loss', meanLoss, { study })
  for (const { site, connected } of sites) set('tessera_site_connected', Number(connected), { study, site })
  for (const { site, rounds: missed } of excluded) set('tessera_site_missed_rounds', missed, { study, site })
}
