/**
 * @file Gradients of the ops that work element by element, with their operands' broadcasting undone.
 */
import * as tf from '@tensorflow/tfjs-core'
import { registerGradient, unbroadcast } from './register.ts'

/** dx from dy and x. */
type FromInput = (dy: tf.Tensor, x: tf.Tensor) => tf.Tensor
/** dx from dy and y. */
type FromOutput = (dy: tf.Tensor, y: tf.Tensor) => tf.Tensor
/** da and db, not summed over broadcast axes, from dy, a and b. */
type Binary = [
  a: (dy: tf.Tensor, a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  b: (dy: tf.Tensor, a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
]

const FROM_INPUT: Record<string, FromInput> = {
  [tf.Abs]: (dy, x) => tf.mul(dy, tf.sign(x)),
  [tf.Log]: (dy, x) => tf.div(dy, x),
  [tf.Log1p]: (dy, x) => tf.div(dy, tf.add(x, 1)),
  [tf.Relu]: (dy, x) => tf.mul(dy, tf.step(x)),
  // 0 at both corners, as PyTorch.
  [tf.Relu6]: (dy, x) => tf.mul(dy, tf.mul(tf.step(x), tf.step(tf.sub(6, x)))),
  [tf.Softplus]: (dy, x) => tf.mul(dy, tf.sigmoid(x)),
  [tf.Square]: (dy, x) => tf.mul(dy, tf.mul(x, 2)),
}

const FROM_OUTPUT: Record<string, FromOutput> = {
  [tf.Exp]: (dy, y) => tf.mul(dy, y),
  [tf.Reciprocal]: (dy, y) => tf.neg(tf.mul(dy, tf.square(y))),
  [tf.Rsqrt]: (dy, y) => tf.mul(dy, tf.mul(tf.mul(y, tf.square(y)), -0.5)),
  [tf.Sigmoid]: (dy, y) => tf.mul(dy, tf.mul(y, tf.sub(1, y))),
  [tf.Sqrt]: (dy, y) => tf.div(dy, tf.mul(y, 2)),
  [tf.Tanh]: (dy, y) => tf.mul(dy, tf.sub(1, tf.square(y))),
}

const BINARY: Record<string, Binary> = {
  [tf.Add]: [(dy) => dy, (dy) => dy],
  [tf.Sub]: [(dy) => dy, (dy) => tf.neg(dy)],
  [tf.Multiply]: [(dy, _a, b) => tf.mul(dy, b), (dy, a) => tf.mul(dy, a)],
  [tf.RealDiv]: [(dy, _a, b) => tf.div(dy, b), (dy, a, b) => tf.neg(tf.div(tf.mul(dy, a), tf.square(b)))],
  [tf.Maximum]: [
    (dy, a, b) => tf.mul(dy, tf.cast(tf.greaterEqual(a, b), 'float32')),
    (dy, a, b) => tf.mul(dy, tf.cast(tf.less(a, b), 'float32')),
  ],
  [tf.Minimum]: [
    (dy, a, b) => tf.mul(dy, tf.cast(tf.lessEqual(a, b), 'float32')),
    (dy, a, b) => tf.mul(dy, tf.cast(tf.greater(a, b), 'float32')),
  ],
  [tf.SquaredDifference]: [
    (dy, a, b) => tf.mul(dy, tf.mul(tf.sub(a, b), 2)),
    (dy, a, b) => tf.mul(dy, tf.mul(tf.sub(b, a), 2)),
  ],
  [tf.Pow]: [
    (dy, a, b) => tf.mul(dy, tf.mul(b, tf.pow(a, tf.sub(b, 1)))),
    // ln a has no value for a ≤ 0; there the exponent is taken as a constant, as TensorFlow does.
    (dy, a, b) => {
      const logarithm = tf.where(tf.greater(a, 0), tf.log(a), tf.zerosLike(a))
      return tf.mul(dy, tf.mul(tf.pow(a, b), logarithm))
    },
  ],
}

/** Constant wherever they have a derivative at all. */
const FLAT = [tf.Step, tf.Sign, tf.Floor, tf.Ceil, tf.Round, tf.ZerosLike, tf.OnesLike]

export function registerElementwise(): void {
  for (const [name, derive] of Object.entries(FROM_INPUT)) {
    registerGradient(name, { inputs: ['x'], flow: (dy, [x]) => ({ x: () => derive(dy, x as tf.Tensor) }) })
  }
  for (const [name, derive] of Object.entries(FROM_OUTPUT)) {
    registerGradient(name, { output: true, flow: (dy, [y]) => ({ x: () => derive(dy, y as tf.Tensor) }) })
  }
  for (const [name, [deriveA, deriveB]] of Object.entries(BINARY)) {
    registerGradient(name, {
      inputs: ['a', 'b'],
      flow: (dy, saved) => {
        const [a, b] = saved as [tf.Tensor, tf.Tensor]
        return {
          a: () => unbroadcast(deriveA(dy, a, b), a.shape),
          b: () => unbroadcast(deriveB(dy, a, b), b.shape),
        }
      },
    })
  }
  for (const name of FLAT) registerGradient(name, { flow: (dy) => ({ x: () => tf.zerosLike(dy) }) })

  registerGradient(tf.Neg, { flow: (dy) => ({ x: () => tf.neg(dy) }) })
  registerGradient(tf.Identity, { flow: (dy) => ({ x: () => dy.clone() }) })
  registerGradient(tf.Cast, { flow: (dy) => ({ x: () => tf.cast(dy, 'float32') }) })
  registerGradient<tf.ClipByValueAttrs>(tf.ClipByValue, {
    inputs: ['x'],
    flow: (dy, [x], { clipValueMin, clipValueMax }) => ({
      x: () => {
        const inside = tf.logicalAnd(
          tf.greaterEqual(x as tf.Tensor, clipValueMin),
          tf.lessEqual(x as tf.Tensor, clipValueMax),
        )
        return tf.mul(dy, tf.cast(inside, 'float32'))
      },
    }),
  })
  registerGradient(tf.Select, {
    inputs: ['condition'],
    flow: (dy, [condition]) => {
      const chosen = tf.cast(condition as tf.Tensor, 'float32')
      return {
        condition: () => tf.zerosLike(chosen),
        t: () => tf.mul(dy, chosen),
        e: () => tf.mul(dy, tf.sub(1, chosen)),
      }
    },
  })
}
