/**
 * @file The numeric engine: which TensorFlow.js back end runs, our kernels for it, and the fused ops that training needs.
 *
 * Call {@link startEngine} once before the first tensor. The ops run on any back end: fused where a kernel of ours is
 * registered, as a composition of plain ops elsewhere.
 */
export { type Activation, type BatchNorm, batchNormInference, batchNormTrain } from './ops/batch-norm.ts'
export { enqueue } from './ops/enqueue.ts'
export { globalAveragePool } from './ops/global-average-pool.ts'
export { logSumExp } from './ops/log-sum-exp.ts'
export { scaleChannels } from './ops/scale-channels.ts'
export { type SgdMomentum, sgdMomentum } from './ops/sgd-momentum.ts'
export { stopGradient } from './ops/stop-gradient.ts'
export { swish } from './ops/swish.ts'
export { towards } from './ops/towards.ts'
export { scoped } from './scoped.ts'
export { ENGINE_CHOICES, type Engine, type EngineChoice, type EngineOptions, startEngine } from './start.ts'
export {
  createStepper,
  type NamedValues,
  type StepFunction,
  type Stepper,
  type StepResult,
  type TensorMap,
  type Values,
} from './stepper.ts'
