/**
 * @file A delta: what one site's training changed, Δ = local − base, tensor by tensor of the study's layout.
 *
 * It holds the layout's trainable, statistic and counter tensors, in the layout's order; `local-only` tensors are never in it.
 * Trainable and statistic tensors are averaged; of counters the largest is taken (takeLargest), never the mean. For a counter too
 * the delta is local − base, so that base + max Δ is the largest of the sites' counters (exact up to 2²⁴).
 */
import { TesseraError } from '../errors.ts'
import { assertFits, federatedLayout, type Layout, type Weights } from '../model/layout.ts'
import { add, allFinite, subtract, sumOfSquares } from './arithmetic.ts'
import { deltaBytes, deltaParts } from './parts.ts'

/** Memory for a delta of this layout, its tensors one after the other. */
export function deltaRoom(layout: Layout): Float32Array {
  return new Float32Array(deltaBytes(layout) / 4)
}

/**
 * Δ = local − base over the federated tensors.
 * @param room Of {@link deltaRoom}: the delta lies in it. New memory costs the system as much as the subtraction, so who computes many gives the same.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH or {TensorShapeError} if either does not fit the layout.
 */
export function computeDelta(
  layout: Layout,
  local: Weights,
  base: Weights,
  room: Float32Array = deltaRoom(layout),
): Weights {
  assertFits('local', layout, local)
  assertFits('base', layout, base)
  return new Map(
    deltaParts(layout, 'f32').map(({ name, elements, offset }) => {
      const out = room.subarray(offset / 4, offset / 4 + elements)
      return [name, subtract(tensor(local, name), tensor(base, name), out)]
    }),
  )
}

/**
 * base + Δ. A tensor that is `local-only` is the base's own.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH or {TensorShapeError} if either does not fit the layout.
 */
export function applyDelta(layout: Layout, base: Weights, delta: Weights): Weights {
  assertFits('base', layout, base)
  assertFits('delta', federatedLayout(layout), delta)
  return new Map(
    layout.tensors.map(({ name, kind }) => {
      const values = tensor(base, name)
      return [name, kind === 'local-only' ? values.slice() : add(values, tensor(delta, name))]
    }),
  )
}

/** L2 norm over the trainable tensors: a running variance may move far without any harm, a weight may not. */
export function l2Norm(layout: Layout, delta: Weights): number {
  let sum = 0
  for (const { name, kind } of layout.tensors) {
    if (kind === 'trainable') sum += sumOfSquares(tensor(delta, name))
  }
  return Math.sqrt(sum)
}

/** Name of the first tensor that holds a NaN or an infinity; null when all are finite. */
export function firstNonFinite(layout: Layout, delta: Weights): string | null {
  const found = federatedLayout(layout).tensors.find(({ name }) => !allFinite(tensor(delta, name)))
  return found?.name ?? null
}

function tensor(weights: Weights, name: string): Float32Array {
  const values = weights.get(name)
  if (values === undefined) {
    throw new TesseraError('ERR_LAYOUT_MISMATCH', `weights must have tensor ${name}, got none`)
  }
  return values
}
