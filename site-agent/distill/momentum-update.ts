/**
 * @file The momentum teacher:  θ_teacher ← m·θ_teacher + (1 − m)·θ_student, for parameters only.
 *
 * Source: He et al., CVPR 2020, equation 2, https://arxiv.org/abs/1911.05722. Running statistics are not moved: the teacher's come from
 * its own key passes, as in the authors' `contrast_trainer.py:momentum_update`, which walks `parameters()` and not `buffers()`.
 */
import type * as tf from '@tensorflow/tfjs-core'
import { towards } from '@tessera/shared/engine'
import { assertShape } from './linear.ts'
import { type NamedTensors, tensorOf } from './tensor-map.ts'

/** Which tensor of the teacher follows which of the student. */
export interface MomentumPair {
  readonly teacher: string
  readonly student: string
}

/**
 * Returns the moved tensors under the teacher's names; the arguments are left as they are.
 * @param momentum m in [0, 1]; MoMA has 0.999.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH if a tensor is missing; {TensorShapeError} if a pair's shapes differ.
 */
export function momentumUpdate(
  teacher: NamedTensors,
  student: NamedTensors,
  pairs: readonly MomentumPair[],
  momentum: number,
): Map<string, tf.Tensor> {
  // All pairs are checked before the first is moved: a fault leaves no tensor behind.
  const checked = pairs.map((pair) => {
    const from = tensorOf(teacher, pair.teacher)
    const target = tensorOf(student, pair.student)
    assertShape(pair.student, target, from.shape)
    return { name: pair.teacher, from, target }
  })
  return new Map(checked.map(({ name, from, target }) => [name, towards(from, target, momentum)]))
}
