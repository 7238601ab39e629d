/**
 * @file Error feedback: what an encoding has lost of one delta is added to the next.
 *
 *   c = Δ + e      sent: Q(c)      e ← c − Q(c)
 *
 * Over rounds the sum of what is sent differs from the sum of the deltas by the last e alone. Trainable tensors only: the others lose nothing.
 * Source: Karimireddy et al., ICML 2019, Algorithm 1, https://arxiv.org/abs/1901.09847.
 */
import type { Layout, Weights } from '../model/layout.ts'
import { add, subtract } from './arithmetic.ts'

/** c: the delta with what the round before has lost. `residual` null: nothing. */
export function withResidual(layout: Layout, delta: Weights, residual: Weights | null): Weights {
  return new Map(
    layout.tensors.flatMap(({ name, kind }) => {
      const values = delta.get(name)
      if (values === undefined) return []
      const lost = kind === 'trainable' ? residual?.get(name) : undefined
      return [[name, lost ? add(values, lost) : values] as const]
    }),
  )
}

/** e: what `sent` lacks of `corrected`, over the trainable tensors. */
export function residualOf(layout: Layout, corrected: Weights, sent: Weights): Weights {
  return new Map(
    layout.tensors.flatMap(({ name, kind }) => {
      const [wanted, got] = [corrected.get(name), sent.get(name)]
      return kind === 'trainable' && wanted && got ? [[name, subtract(wanted, got)] as const] : []
    }),
  )
}
