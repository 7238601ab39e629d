/** @file From a closed round to the next student: the guards' weights, the student on disk, the signed record. */
import { TesseraError } from '@tessera/shared/errors'
import type { Layout } from '@tessera/shared/model'
import type { Published, Study } from '@tessera/shared/protocol'
import { type KeyPair, readUnverified, sha256Hex, signPayload } from '@tessera/shared/security'
import { type Diagnostics, partsOf } from '../aggregation/index.ts'
import { computeStudent, type StoredUpdate } from '../reducing/index.ts'
import { isLastRound, type Round, type RoundsState, staleness, weightOf } from '../rounds/index.ts'
import type { Store } from '../store/index.ts'

/** What {@link publishRound} has made: all of it is on disk. */
export interface Publication {
  readonly student: string
  readonly record: string
  readonly recordSha256: string
  readonly diagnostics: Diagnostics
}

/** Measures a part of the work. */
export type Watch = <T>(work: 'aggregate' | 'publish', doing: () => Promise<T>) => Promise<T>

/**
 * Computes and saves the student of the closed round, and signs its record. Done again after a crash, it gives the same bytes.
 * @param plan SHA-256 of the study's plan.
 * @throws {TesseraError} What computeStudent throws.
 */
export async function publishRound(
  { study, layout, plan }: { study: Study; layout: Layout; plan: string },
  state: RoundsState,
  store: Pick<Store, 'models' | 'updates'>,
  key: KeyPair,
  watch: Watch = (_, doing) => doing(),
): Promise<Publication> {
  const { current } = state
  if (!current?.end) throw new TesseraError('ERR_INTERNAL', 'internal: only a closed round is published')
  const { absent, closedAtMs } = current.end
  const updates = updatesOf(study, current, state.history)
  const {
    student,
    state: serverState,
    strategy,
    diagnostics,
  } = await watch('aggregate', () =>
    computeStudent({
      study,
      layout,
      base: current.base,
      updates,
      state: stateBefore(state.history),
      models: store.models,
      deltas: store.updates,
    }),
  )
  const record = await signPayload(
    'published',
    {
      study: study.id,
      plan,
      round: current.round,
      attempt: current.attempt,
      base: current.base,
      student,
      strategy,
      serverState: [...serverState],
      encoding: study.federation.encoding,
      previous: state.previous,
      contributors: updates.map(({ site, samples, staleness, payload, manifest, norm, scale }) => ({
        site,
        samples,
        staleness,
        payload,
        manifest,
        norm,
        scale,
      })),
      offered: [...current.offers.keys()],
      absent: [...absent],
      ...judgedBefore(state),
      final: isLastRound(state),
      closedAtMs,
    },
    key.privateKey,
  )
  return { student, record, recordSha256: sha256Hex(record), diagnostics }
}

/**
 * The contributors of a round with their weights and scales, in the order of site ids.
 * @param history Ended attempts, the rounds before this one among them.
 */
function updatesOf(
  study: Study,
  round: Round,
  history: readonly Round[],
): (StoredUpdate & { readonly manifest: string; readonly staleness: number })[] {
  const updates = contributions(round).map((update) => {
    const { site, samples, norm, payload, manifestSha256: manifest } = update
    const late = staleness(update)
    return { site, samples, claim: weightOf(update), norm, payload, manifest, staleness: late }
  })
  const earlier = history
    .filter(({ end }) => end?.outcome === 'publish')
    .map((past) => contributions(past).map(({ norm }) => norm))
  return partsOf(study, updates, earlier)
}

/** What was said of the student before by the time the round was closed; nothing when that was not judged. */
export function judgedBefore({ judging }: RoundsState): Pick<Published, 'judged'> {
  const closed = judging?.closed
  if (!closed) return {}
  const bySite = [...closed.judgements].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const judgements = bySite.map(([site, { sha256 }]) => ({ site, judgement: sha256 }))
  return { judged: { round: closed.round, judgements } }
}

/** Files of the strategy's state after the newest published round: its record names them. */
function stateBefore(history: readonly Round[]): Published['serverState'] {
  const record = history.findLast(({ end }) => typeof end?.record === 'string')?.end?.record
  // Our own, from our own log.
  return typeof record === 'string' ? readUnverified('published', record).serverState : []
}

function contributions(round: Round): NonNullable<ReturnType<Round['accepted']['get']>>[] {
  return (round.end?.contributors ?? []).map((site) => {
    const update = round.accepted.get(site)
    if (update === undefined)
      throw new TesseraError('ERR_INTERNAL', 'internal: a contributor must have delivered')
    return update
  })
}
