/** @file Distillation at a site: the trainer, the evaluation, and the reference case of one MoMA step. */

export type { ReferenceCase } from './case-tensors.ts'
export { type EvaluateOptions, type Evaluation, evaluate } from './evaluate.ts'
export type { FrozenOutputs, FrozenTeacher } from './frozen-teacher.ts'
export type { LocalState } from './local-state.ts'
export { runMapCase } from './map-case.ts'
export { moduleNumbers } from './methods/map-terms.ts'
export { runMomaCase } from './moma-case.ts'
export type { BatchOptions, TileBatch, TileSource } from './tiles.ts'
export { runTrainCase } from './train-case.ts'
export {
  createTrainer,
  type LocalTrainer,
  type Progress,
  type RoundOptions,
  type RoundResult,
  type TrainerOptions,
} from './trainer.ts'
