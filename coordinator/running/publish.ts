/** @file From a closed round to the next student: deltas from disk one by one, mean, new student on disk, signed record. */
import { applyDelta, decodeDelta } from '@tessera/shared/delta'
import { TesseraError } from '@tessera/shared/errors'
import { decodeModel, encodeSafetensors, type Layout } from '@tessera/shared/model'
import type { Study } from '@tessera/shared/protocol'
import { type KeyPair, sha256Hex, signPayload } from '@tessera/shared/security'
import { cappedWeights, type Diagnostics, fedavg, type SiteUpdate } from '../aggregation/index.ts'
import type { Round, RoundsState } from '../rounds/index.ts'
import type { Store } from '../store/index.ts'

/** What {@link publishRound} has made: all of it is on disk. */
export interface Publication {
  readonly student: string
  readonly record: string
  readonly recordSha256: string
  readonly diagnostics: Diagnostics
}

/**
 * Computes and saves the student of the closed round, and signs its record. Done again after a crash, it gives the same bytes.
 * @param plan SHA-256 of the study's plan.
 * @throws {TesseraError} ERR_STORE_CORRUPT if a stored file is not what its name says; ERR_STORE_WRITE
 */
export async function publishRound(
  { study, layout, plan }: { study: Study; layout: Layout; plan: string },
  state: RoundsState,
  store: Pick<Store, 'models' | 'updates'>,
  key: KeyPair,
): Promise<Publication> {
  const { current } = state
  if (!current?.end) throw new TesseraError('ERR_INTERNAL', 'internal: only a closed round is published')
  const { contributors, absent, closedAtMs } = current.end
  const strategy = fedavg(layout)
  const { delta, diagnostics } = await strategy.apply(
    strategy.init(),
    storedUpdates(current, contributors, study.federation.maxShare, layout, store),
  )
  const base = decodeModel(await store.models.load(current.base), layout)
  const student = await store.models.save(encodeSafetensors(layout, applyDelta(layout, base, delta)))
  const record = await signPayload(
    'published',
    {
      study: study.id,
      plan,
      round: current.round,
      attempt: current.attempt,
      base: current.base,
      student,
      strategy: strategy.name,
      previous: state.previous,
      contributors: contributors.map((site) => {
        const { samples, payload, manifestSha256 } = acceptedOf(current, site)
        return { site, samples, payload, manifest: manifestSha256 }
      }),
      offered: [...current.offers.keys()],
      absent: [...absent],
      final: current.round === state.rounds,
      closedAtMs,
    },
    key.privateKey,
  )
  return { student, record, recordSha256: sha256Hex(record), diagnostics }
}

async function* storedUpdates(
  round: Round,
  contributors: readonly string[],
  maxShare: number,
  layout: Layout,
  store: Pick<Store, 'updates'>,
): AsyncGenerator<SiteUpdate> {
  const accepted = contributors.map((site) => acceptedOf(round, site))
  const weights = cappedWeights(new Map(accepted.map(({ site, samples }) => [site, samples])), maxShare)
  for (const { site, samples, payload } of accepted) {
    const delta = decodeDelta(layout, await store.updates.load(payload))
    yield { site, samples, weight: weights.get(site) ?? 0, delta }
  }
}

function acceptedOf(round: Round, site: string): NonNullable<ReturnType<Round['accepted']['get']>> {
  const update = round.accepted.get(site)
  if (update === undefined)
    throw new TesseraError('ERR_INTERNAL', 'internal: a contributor must have delivered')
  return update
}
