/** @file What a person watching a study wants to see, now. For people only: nothing is decided on it. */
import { alarms, closesAtMs, type RoundsState } from '../rounds/index.ts'

/** What a site says of its training. */
export interface TrainingProgress {
  readonly step: number
  readonly steps: number
  readonly loss: number | null
  readonly secondsLeft: number | null
}

export interface SiteProgress extends TrainingProgress {
  readonly site: string
  readonly connected: boolean
  /** `asked`: it has the offer; `absent`: it declined, was revoked, or the round ended without it; `idle`: it is not in this round. */
  readonly state: 'idle' | 'asked' | 'training' | 'uploading' | 'delivered' | 'absent'
  readonly uploadedBytes: number
}

/** One study's progress; told at every change. */
export interface StudyProgress {
  readonly study: string
  readonly phase: RoundsState['phase']
  /** No round opens until the operator resumes the study. */
  readonly paused: boolean
  /** The open round, or the next; the last one when finished. */
  readonly round: number
  readonly rounds: number
  readonly attempt: number
  /** When the open round ends if its sites show no more progress. */
  readonly deadlineMs: number | null
  /** Sites left out of `alarmAfter` rounds running, or more. */
  readonly excluded: readonly { readonly site: string; readonly rounds: number }[]
  readonly sites: readonly SiteProgress[]
  readonly accepted: number
  readonly offered: number
  /** Of the sites that tell a loss, each counted once; of delivered ones, the round's mean. */
  readonly meanLoss: number | null
  /** SHA-256 of the newest student. */
  readonly student: string
  /** When the round that it was made in was closed; null before the first. */
  readonly publishedAtMs: number | null
}

const NOTHING_YET: TrainingProgress = { step: 0, steps: 0, loss: null, secondsLeft: null }

/** Puts together what is known. */
export function studyProgress(
  state: RoundsState,
  connected: ReadonlySet<string>,
  training: ReadonlyMap<string, TrainingProgress>,
  uploads: ReadonlyMap<string, { readonly bytes: number }>,
): StudyProgress {
  const { current } = state
  const names = new Set([
    ...(current?.offers.keys() ?? []),
    ...(current?.accepted.keys() ?? []),
    ...connected,
  ])
  const sites = [...names].toSorted().map((site): SiteProgress => {
    const told = training.get(site)
    const delivered = current?.accepted.get(site)
    return {
      site,
      connected: connected.has(site),
      state: stateOf(site, state, training, uploads),
      ...NOTHING_YET,
      ...told,
      ...(delivered ? { step: told?.steps ?? 0, loss: delivered.loss, secondsLeft: 0 } : {}),
      uploadedBytes: uploads.get(site)?.bytes ?? delivered?.bytes ?? 0,
    }
  })
  const losses = sites.flatMap(({ loss }) => (loss === null ? [] : [loss]))
  return {
    study: state.study,
    phase: state.phase,
    paused: state.paused,
    round: state.round,
    rounds: state.rounds,
    attempt: state.attempt,
    deadlineMs: current && closesAtMs(state.policy, current),
    excluded: alarms(state),
    sites,
    accepted: current?.accepted.size ?? 0,
    offered: current?.offers.size ?? 0,
    meanLoss: losses.length === 0 ? null : losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
    student: state.student,
    publishedAtMs: state.history.findLast(({ end }) => end?.record)?.end?.closedAtMs ?? null,
  }
}

function stateOf(
  site: string,
  { current, phase }: RoundsState,
  training: ReadonlyMap<string, TrainingProgress>,
  uploads: ReadonlyMap<string, unknown>,
): SiteProgress['state'] {
  if (current?.excused.has(site)) return 'absent'
  if (current?.accepted.has(site)) return 'delivered'
  if (!current?.offers.has(site)) return 'idle'
  if (phase !== 'collecting') return 'absent'
  if (uploads.has(site)) return 'uploading'
  return training.has(site) ? 'training' : 'asked'
}
