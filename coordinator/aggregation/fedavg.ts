/**
 * @file Sample-weighted mean of site deltas (FedAvg): Δ = Σᵢ wᵢΔᵢ / Σᵢ wᵢ, wᵢ = samples of site i, or its capped weight.
 *
 * Source: McMahan et al., AISTATS 2017, Algorithm 1, https://arxiv.org/abs/1602.05629. Differs: batch-norm statistics are averaged with the
 * same weights (the mean of the sites' running means and variances); of counters the largest is taken, since a mean of counts counts nothing.
 */
import { addScaled, divide, l2Norm, takeLargest } from '@tessera/shared/delta'
import { TesseraError } from '@tessera/shared/errors'
import { assertFits, elementCount, federatedLayout, type Layout, type Weights } from '@tessera/shared/model'
import type { Aggregator } from './aggregator.ts'

/** Builds the default strategy. Stateless: rounds do not depend on each other. */
export function fedavg(layout: Layout): Aggregator<null> {
  const federated = federatedLayout(layout)
  return {
    name: 'fedavg',
    init: () => null,
    async apply(state, updates) {
      const totals = federated.tensors.map((spec) => ({
        ...spec,
        total: new Float64Array(elementCount(spec.shape)).fill(
          spec.kind === 'counter' ? Number.NEGATIVE_INFINITY : 0,
        ),
      }))
      let [sites, samples, weight] = [0, 0, 0]
      for await (const update of updates) {
        assertFits(`delta of site ${update.site}`, federated, update.delta)
        for (const { name, kind, total } of totals) {
          const values = update.delta.get(name) ?? new Float32Array()
          if (kind === 'counter') takeLargest(total, values)
          else addScaled(total, values, update.weight)
        }
        sites += 1
        samples += update.samples
        weight += update.weight
      }
      if (!(weight > 0)) throw new TesseraError('ERR_ROUND_EMPTY', 'round must have at least 1 update, got 0')
      const delta: Weights = new Map(
        totals.map(({ name, kind, total }) => [name, divide(total, kind === 'counter' ? 1 : weight)]),
      )
      return { state, delta, diagnostics: { sites, samples, norm: l2Norm(federated, delta) } }
    },
  }
}
