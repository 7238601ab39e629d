/** @file The mean squared error:  L = mean (x − y)²  over all elements, as PyTorch's `nn.MSELoss`. */
import * as tf from '@tensorflow/tfjs-core'
import { assertShape } from './linear.ts'

/** @throws {TensorShapeError} If the shapes differ. */
export function squaredError(student: tf.Tensor, teacher: tf.Tensor): tf.Scalar {
  assertShape('teacher map', teacher, student.shape)
  return tf.tidy(() => tf.mean<tf.Scalar>(tf.square(tf.sub(student, teacher))))
}
