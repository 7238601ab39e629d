/** @file The coordinator's metrics: what is counted as it happens, and what is looked up when somebody asks. docs/metrics.md explains each; a test holds both equal. */
import type { Clock } from '@tessera/shared/clock'
import { createMetrics, type Declarations, PROCESS_METRICS, watchProcess } from '@tessera/shared/operation'
import { TESSERA_VERSION } from '@tessera/shared/protocol'
import type { StudyProgress } from '../running/index.ts'
import type { Observer } from './observer.ts'

/** A round lasts from a minute, in a demonstration, to a day. */
const ROUND_SECONDS = [60, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400]
/** From a small delta on a fast line to the largest on a slow one. */
const TRANSFER_SECONDS = [0.1, 1, 5, 15, 60, 300, 900, 3600]
/** One sync of a disk; a tenth of a second is a disk in trouble. */
const SYNC_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2]

export const COORDINATOR_METRICS = {
  ...PROCESS_METRICS,
  tessera_sessions: { type: 'gauge', labels: [], help: 'Connections of sites now.' },
  tessera_refused_total: {
    type: 'counter',
    labels: ['what', 'code'],
    help: 'Sessions and messages that were refused, by code.',
  },
  tessera_sent_bytes_total: { type: 'counter', labels: [], help: 'Bytes of models sent to sites.' },
  tessera_received_bytes_total: {
    type: 'counter',
    labels: [],
    help: 'Bytes of updates received from sites.',
  },
  tessera_store_append_seconds: {
    type: 'histogram',
    labels: [],
    buckets: SYNC_SECONDS,
    help: 'Time until events are safe in the store.',
  },
  tessera_store_errors_total: {
    type: 'counter',
    labels: ['code'],
    help: 'Events that the store did not take, by code.',
  },
  tessera_study_phase: {
    type: 'gauge',
    labels: ['study', 'phase'],
    help: '1 for the phase that the study is in.',
  },
  tessera_study_paused: { type: 'gauge', labels: ['study'], help: '1 while no round is opened.' },
  tessera_study_rounds: { type: 'gauge', labels: ['study'], help: 'Rounds that the study is to have.' },
  tessera_round: { type: 'gauge', labels: ['study'], help: 'The open round, or the next.' },
  tessera_round_deadline_timestamp_seconds: {
    type: 'gauge',
    labels: ['study'],
    help: 'When the open round ends if its sites show no more progress.',
  },
  tessera_round_offered_sites: {
    type: 'gauge',
    labels: ['study'],
    help: 'Sites that were asked in the open round.',
  },
  tessera_round_accepted_sites: {
    type: 'gauge',
    labels: ['study'],
    help: 'Sites of the open round whose update is in.',
  },
  tessera_round_loss: {
    type: 'gauge',
    labels: ['study'],
    help: 'Mean training loss of the sites of the open round that tell one.',
  },
  tessera_round_seconds: {
    type: 'histogram',
    labels: ['study'],
    buckets: ROUND_SECONDS,
    help: 'Time from the opening of an attempt to its publication.',
  },
  tessera_round_repeated_total: {
    type: 'counter',
    labels: ['study'],
    help: 'Attempts that ended without enough updates.',
  },
  tessera_published_timestamp_seconds: {
    type: 'gauge',
    labels: ['study'],
    help: 'When the round of the newest published student was closed; before the first, when the program was started.',
  },
  tessera_published_total: {
    type: 'counter',
    labels: ['study'],
    help: 'Students published since the start.',
  },
  tessera_updates_accepted_total: {
    type: 'counter',
    labels: ['study'],
    help: 'Updates accepted since the start.',
  },
  tessera_judgements_accepted_total: {
    type: 'counter',
    labels: ['study'],
    help: 'Judgements accepted since the start.',
  },
  tessera_upload_seconds: {
    type: 'histogram',
    labels: [],
    buckets: TRANSFER_SECONDS,
    help: 'Time from a manifest, or from where its upload is gone on with, to the receipt.',
  },
  tessera_aggregate_seconds: {
    type: 'histogram',
    labels: [],
    buckets: TRANSFER_SECONDS,
    help: 'Time to compute a student.',
  },
  tessera_work_failed_total: {
    type: 'counter',
    labels: ['work', 'code'],
    help: 'Uploads, aggregations and publications that failed, by code.',
  },
  tessera_site_connected: {
    type: 'gauge',
    labels: ['study', 'site'],
    help: '1 while a site of the study is connected, 0 for one that the open round asks and that is not.',
  },
  tessera_site_missed_rounds: {
    type: 'gauge',
    labels: ['study', 'site'],
    help: "Rounds running that a site was left out of, from the study's alarmAfter on.",
  },
  tessera_disk_free_bytes: {
    type: 'gauge',
    labels: [],
    help: "Free on the disk of the coordinator's folder.",
  },
  tessera_disk_bytes: { type: 'gauge', labels: [], help: "Size of the disk of the coordinator's folder." },
  tessera_certificate_expiry_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    help: 'When the TLS certificate ends; absent without TLS of its own.',
  },
} as const satisfies Declarations

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
