/**
 * @file Gradients of the ops that move values about: shapes, joins, cuts, repeats, look-ups.
 */
import * as tf from '@tensorflow/tfjs-core'
import { registerGradient, unbroadcast } from './register.ts'

export function registerShapes(): void {
  for (const name of [tf.Reshape, tf.ExpandDims]) {
    registerGradient(name, {
      inputs: [name === tf.Reshape ? 'x' : 'input'],
      flow: (dy, saved) => {
        const [x] = saved as [tf.Tensor]
        return { [name === tf.Reshape ? 'x' : 'input']: () => tf.reshape(dy, x.shape) }
      },
    })
  }
  registerGradient<tf.TransposeAttrs>(tf.Transpose, {
    flow: (dy, _, { perm }) => ({ x: () => tf.transpose(dy, tf.backend_util.getUndoAxesPermutation(perm)) }),
  })
  registerGradient(tf.BroadcastTo, {
    inputs: ['x'],
    flow: (dy, saved) => {
      const [x] = saved as [tf.Tensor]
      return { x: () => unbroadcast(dy, x.shape) }
    },
  })
  registerGradient<tf.SliceAttrs>(tf.Slice, {
    inputs: ['x'],
    flow: (dy, saved, { begin, size }) => {
      const [x] = saved as [tf.Tensor]
      const [from = []] = tf.slice_util.parseSliceParams(x, begin, size)
      const around = dy.shape.map((length, i): [number, number] => {
        const before = from[i] ?? 0
        return [before, (x.shape[i] ?? 0) - before - length]
      })
      return { x: () => tf.pad(dy, around) }
    },
  })
  registerGradient<tf.ReverseAttrs>(tf.Reverse, {
    flow: (dy, _, { dims }) => ({ x: () => tf.reverse(dy, dims) }),
  })
  registerGradient<tf.PadV2Attrs>(tf.PadV2, {
    inputs: ['x'],
    flow: (dy, saved, { paddings }) => {
      const [x] = saved as [tf.Tensor]
      const before = paddings.map(([count]) => count)
      return { x: () => tf.slice(dy, before, x.shape) }
    },
  })
  registerGradient<tf.TileAttrs>(tf.Tile, {
    inputs: ['x'],
    flow: (dy, saved, { reps }) => {
      const [x] = saved as [tf.Tensor]
      // Each axis in two, repeats and length; then the repeats are summed.
      const split = x.shape.flatMap((size, i) => [reps[i] ?? 1, size])
      const repeats = x.shape.map((_, i) => 2 * i)
      return { x: () => tf.sum(tf.reshape(dy, split), repeats) }
    },
  })
  registerGradient<tf.GatherV2Attrs>(tf.GatherV2, {
    inputs: ['x', 'indices'],
    flow: (dy, saved, { axis, batchDims }) => {
      const [x, indices] = saved as [tf.Tensor, tf.Tensor]
      return {
        indices: () => tf.zerosLike(indices),
        x: () => {
          tf.util.assert(
            batchDims === 0,
            () => `gather must have batchDims 0 for a gradient, got ${batchDims}`,
          )
          const [at = 0] = tf.util.parseAxisParam(axis, x.shape)
          const outer = tf.util.sizeFromShape(x.shape.slice(0, at))
          const inner = tf.util.sizeFromShape(x.shape.slice(at + 1))
          const picked: tf.Tensor3D = tf.transpose(tf.reshape(dy, [outer, indices.size, inner]), [1, 0, 2])
          const sums = tf.unsortedSegmentSum(picked, tf.reshape(indices, [indices.size]), x.shape[at] ?? 0)
          return tf.reshape(tf.transpose(sums, [1, 0, 2]), x.shape)
        },
      }
    },
  })

  // Several inputs or outputs: outside of what registerGradient() covers.
  tf.registerGradient({
    kernelName: tf.Concat,
    saveAllInputs: true,
    gradFunc: (dy, parts, attributes) => {
      const { axis } = attributes as unknown as tf.ConcatAttrs
      const [at = 0] = tf.util.parseAxisParam(axis, (parts[0] as tf.Tensor).shape)
      const sizes = parts.map(({ shape }) => shape[at] ?? 0)
      const pieces = tf.split(dy as tf.Tensor, sizes, at)
      return Object.fromEntries(pieces.map((piece, i) => [i, () => piece]))
    },
  })
  tf.registerGradient({
    kernelName: tf.SplitV,
    gradFunc: (pieces, _, attributes) => {
      const { axis } = attributes as unknown as tf.SplitVAttrs
      return { x: () => tf.concat(pieces as tf.Tensor[], axis) }
    },
  })
  tf.registerGradient({
    kernelName: tf.Pack,
    saveAllInputs: true,
    gradFunc: (dy, _, attributes) => {
      const { axis } = attributes as unknown as tf.PackAttrs
      return Object.fromEntries(tf.unstack(dy as tf.Tensor, axis).map((piece, i) => [i, () => piece]))
    },
  })
  tf.registerGradient({
    kernelName: tf.Unpack,
    gradFunc: (pieces, _, attributes) => {
      const { axis } = attributes as unknown as tf.UnpackAttrs
      return { value: () => tf.stack([pieces].flat(), axis) }
    },
  })
  tf.registerGradient({
    kernelName: tf.AddN,
    saveAllInputs: true,
    gradFunc: (dy, parts) => Object.fromEntries(parts.map((_, i) => [i, () => (dy as tf.Tensor).clone()])),
  })
}
