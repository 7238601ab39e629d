/**
 * @file SemCKD: every stage of the student learns from all stages of the teacher, from each as far as the two see the same likenesses in the batch.
 *
 *   L = 1/(B·S) Σᵢ Σₛ Σₜ aᵢₛₜ · mean (rₛₜ(Fₛ)ᵢ − Gₜᵢ)²,   aᵢₛ = softmax over t of  qₛ(F̂ₛF̂ₛᵀ)ᵢ · kₜ(ĜₜĜₜᵀ)ᵢ / τ
 *
 * B: tiles · S, T: stages · F, G: maps, student's and teacher's; the larger of a pair is pooled to the other's size · F̂, Ĝ: maps as rows, one a tile ·
 * q, k: linear, ReLU, linear to unit length · r: 1 × 1, 3 × 3 and 1 × 1 convolutions with norms and ReLUs between. q, k and r are trained beside the
 * student; the gradient flows into F through a, too.
 * Source: Chen et al., Cross-Layer Distillation with Semantic Calibration, AAAI 2021, https://arxiv.org/abs/2012.03236; layers, τ = 1 and weight 400 are the authors' code's
 * (`SelfA`, `SemCKDLoss`). Differs: q and k read as many likenesses as a full batch has tiles, and the code leaves out a smaller last batch; here what
 * it lacks counts as a likeness of 0.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { TensorMap } from '@tessera/shared/engine'
import type { MapMethod } from '@tessera/shared/protocol'
import { adaptiveAveragePool } from '../adaptive-pool.ts'
import { linear, linearOf } from '../linear.ts'
import {
  convolutionTensors,
  convolved,
  linearTensors,
  type ModuleTensor,
  normalised,
  normTensors,
} from '../modules.ts'
import type { StageWidths } from '../stage-maps.ts'
import { unitRows } from '../unit-rows.ts'
import type { MapTerm } from './map-method.ts'

type SemckdSettings = Extract<MapMethod, { name: 'semckd' }>

/** The code's: queries and keys are a quarter as wide as a batch has tiles. */
const NARROWER = 4

/** @param batchSize Of a full batch. */
export function semckd(
  { weights, temperature }: SemckdSettings,
  widths: StageWidths,
  batchSize: number,
): MapTerm {
  return {
    weight: weights.semckd,
    modules: semckdModules(widths, batchSize),
    loss: (student, teacher, modules) => semckdLoss(student.stages, teacher.stages, modules, temperature),
  }
}

/** Tensors of `semckd.query.<s>`, `semckd.key.<t>` and `semckd.regressor.<s>.<t>`, stages from 1. */
export function semckdModules({ student, teacher }: StageWidths, batchSize: number): ModuleTensor[] {
  const width = Math.floor(batchSize / NARROWER)
  const embedding = (name: string): ModuleTensor[] => [
    ...linearTensors(`${name}.linear1`, batchSize, 2 * width),
    ...linearTensors(`${name}.linear2`, 2 * width, width),
  ]
  const regressor = (name: string, inputs: number, outputs: number): ModuleTensor[] => [
    ...convolutionTensors(`${name}.0`, inputs, 2 * outputs, 1),
    ...normTensors(`${name}.1`, 2 * outputs),
    ...convolutionTensors(`${name}.3`, 2 * outputs, 2 * outputs, 3),
    ...normTensors(`${name}.4`, 2 * outputs),
    ...convolutionTensors(`${name}.6`, 2 * outputs, outputs, 1),
  ]
  return [
    ...student.flatMap((_, s) => embedding(`semckd.query.${s + 1}`)),
    ...teacher.flatMap((_, t) => embedding(`semckd.key.${t + 1}`)),
    ...student.flatMap((inputs, s) =>
      teacher.flatMap((outputs, t) => regressor(`semckd.regressor.${s + 1}.${t + 1}`, inputs, outputs)),
    ),
  ]
}

/** @param student, teacher [B, H, W, channels] of each stage; the teacher's are constants. */
export function semckdLoss(
  student: readonly tf.Tensor4D[],
  teacher: readonly tf.Tensor4D[],
  modules: TensorMap,
  temperature: number,
): tf.Scalar {
  return tf.tidy(() => {
    const embedded = (maps: readonly tf.Tensor4D[], role: string): tf.Tensor3D =>
      tf.stack(
        maps.map((map, i) => embed(map, modules, `semckd.${role}.${i + 1}`)),
        1,
      ) as tf.Tensor3D
    const alike = tf.matMul<tf.Tensor3D>(embedded(student, 'query'), embedded(teacher, 'key'), false, true) // [B, S, T]
    const attention = tf.softmax<tf.Tensor3D>(tf.div(alike, temperature))
    const errors = student.flatMap((own, s) =>
      teacher.map((target, t) => pairError(own, target, modules, `semckd.regressor.${s + 1}.${t + 1}`)),
    )
    const weighed = tf.mul(attention, tf.reshape(tf.stack(errors, 1), attention.shape))
    const [B, S] = attention.shape
    return tf.div<tf.Scalar>(tf.sum(weighed), B * S)
  })
}

/** [B, width]: each tile's likenesses to the batch's tiles, embedded. */
function embed(map: tf.Tensor4D, modules: TensorMap, name: string): tf.Tensor2D {
  const [first, second] = [linearOf(modules, `${name}.linear1`), linearOf(modules, `${name}.linear2`)]
  const [B] = map.shape
  const rows = tf.reshape(map, [B, map.size / B])
  const lacking = first.weight.shape[1] - B
  const alike = tf.pad<tf.Tensor2D>(tf.matMul(rows, rows, false, true), [
    [0, 0],
    [0, lacking],
  ])
  return unitRows(linear(tf.relu(linear(alike, first)), second))
}

/** [B]: how far each tile's map of a stage is from the teacher's of another. */
function pairError(
  student: tf.Tensor4D,
  teacher: tf.Tensor4D,
  modules: TensorMap,
  name: string,
): tf.Tensor1D {
  const size = Math.min(student.shape[1], teacher.shape[1])
  const inner = tf.relu(
    normalised(modules, `${name}.1`, convolved(modules, `${name}.0`, adaptiveAveragePool(student, size))),
  )
  const mixed = tf.relu(normalised(modules, `${name}.4`, convolved(modules, `${name}.3`, inner)))
  const off = tf.sub(convolved(modules, `${name}.6`, mixed), adaptiveAveragePool(teacher, size))
  return tf.mean(tf.square(off), [1, 2, 3])
}
