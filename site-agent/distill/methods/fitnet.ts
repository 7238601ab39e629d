/**
 * @file FitNet hints: the student's map of one stage, through a regressor, is to be the teacher's.
 *
 *   L = mean (r(F) − G)²,   r = ReLU ∘ norm ∘ 1 × 1 convolution
 *
 * F, G: maps of the stage, student's and teacher's · r: the regressor, trained beside the student.
 * Source: Romero et al., ICLR 2015, section 2.2, equation 3, https://arxiv.org/abs/1412.6550; regressor and weight 100 are RepDistiller's
 * (`ConvReg`, `--distill hint`). Differs: trained together with the student, as there; in the paper the hint comes first, then KD.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { TensorMap } from '@tessera/shared/engine'
import type { MapMethod } from '@tessera/shared/protocol'
import { convolutionTensors, convolved, type ModuleTensor, normalised, normTensors } from '../modules.ts'
import { squaredError } from '../squared-error.ts'
import { atStage, type StageWidths } from '../stage-maps.ts'
import type { MapTerm } from './map-method.ts'

type FitnetSettings = Extract<MapMethod, { name: 'fitnet' }>

export function fitnet({ weights, stage, relu }: FitnetSettings, widths: StageWidths): MapTerm {
  return {
    weight: weights.hint,
    modules: hintRegressor(atStage(widths.student, stage), atStage(widths.teacher, stage)),
    loss: (student, teacher, modules) =>
      hintLoss(atStage(student.stages, stage), atStage(teacher.stages, stage), modules, relu),
  }
}

/** Tensors of the regressor, `hint.0` and `hint.1`. */
export function hintRegressor(inputs: number, outputs: number): ModuleTensor[] {
  return [...convolutionTensors('hint.0', inputs, outputs, 1), ...normTensors('hint.1', outputs)]
}

/**
 * @param student [B, H, W, C]
 * @param teacher [B, H, W, D], a constant.
 */
export function hintLoss(
  student: tf.Tensor4D,
  teacher: tf.Tensor4D,
  modules: TensorMap,
  relu: boolean,
): tf.Scalar {
  return tf.tidy(() => {
    const regressed = normalised(modules, 'hint.1', convolved(modules, 'hint.0', student))
    return squaredError(relu ? tf.relu(regressed) : regressed, teacher)
  })
}
