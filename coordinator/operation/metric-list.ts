/** @file Every metric of the coordinator. docs/metrics.md explains each, alerts and dashboard ask for them; tests hold all equal. */
import { type Declarations, PROCESS_METRICS } from '@tessera/shared/operation'

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
