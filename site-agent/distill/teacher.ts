/**
 * @file The teacher of a site: a network that takes no gradient, follows the student by momentum, and gathers its own running statistics.
 *
 * Its logits use running statistics. Its features are those of a pass with the batch's statistics, which also moves the running ones:
 * authors' `helper/loops_moma.py`, `set_bn_train`. Dropout and stochastic depth stay off in both passes, as there.
 */
import type { TensorSpec, Weights } from '@tessera/shared/model'
import type { Network } from '@tessera/shared/model/network'
import { withPrefix } from './tensor-map.ts'

/** A teacher's network and the weights it starts from. */
export interface Teacher {
  readonly network: Network
  readonly weights: Weights
}

/** Before the names of the teacher's tensors in a step's state. */
export const TEACHER_PREFIX = 'teacher.'

/** The teacher's tensors as part of a method's state. */
export function teacherPart({ network, weights }: Teacher): {
  specs: readonly TensorSpec[]
  weights: Weights
} {
  return {
    specs: network.layout.tensors.map((spec) => ({ ...spec, name: `${TEACHER_PREFIX}${spec.name}` })),
    weights: new Map(withPrefix(TEACHER_PREFIX, weights)),
  }
}
