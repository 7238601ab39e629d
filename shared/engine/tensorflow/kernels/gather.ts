/** @file Rows by their numbers. The stock kernel reads the numbers to check them, and while a step is recorded there are none; TensorFlow checks them itself when it runs. */
import * as tf from '@tensorflow/tfjs-core'
import { type Ops, registerKernel } from './register.ts'

export function registerGather(ops: Ops): void {
  registerKernel<'x' | 'indices', tf.GatherV2Attrs>(
    tf.GatherV2,
    ({ x, indices }, { axis, batchDims }) =>
      ops.one(
        'GatherV2',
        [x, indices, tf.scalar(axis, 'int32')],
        [
          ops.int('batch_dims', batchDims),
          ops.floats('Tparams'),
          ops.integers('Tindices'),
          ops.integers('Taxis'),
        ],
      ),
    ({ x, indices }) => x.dtype === 'float32' && indices.dtype === 'int32',
  )
}
