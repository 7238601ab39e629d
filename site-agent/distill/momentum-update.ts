/**
 * @file The momentum teacher:  θ_teacher ← m·θ_teacher + (1 − m)·θ_student, for parameters only.
 *
 * Source: He et al., CVPR 2020, equation 2, https://arxiv.org/abs/1911.05722. Running statistics are not moved: the teacher's come from
 * its own key passes, as in the authors' `contrast_trainer.py:momentum_update`, which walks `parameters()` and not `buffers()`.
 */
import * as tf from '@tensorflow/tfjs-core'
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
  const moved = tf.tidy(() => {
    const keep = tf.scalar(momentum)
    const take = tf.scalar(1 - momentum)
    return pairs.map((pair) => {
      const from = tensorOf(teacher, pair.teacher)
      const towards = tensorOf(student, pair.student)
      assertShape(pair.student, towards, from.shape)
      return tf.add(tf.mul(from, keep), tf.mul(towards, take))
    })
  })
  return new Map(pairs.map((pair, i) => [pair.teacher, moved[i] as tf.Tensor]))
}
