export { mlflowFiles } from './mlflow.ts'
export type { Point, Series, TrackedRun, TrackedStudy } from './series.ts'
export { tensorboardFile } from './tensorboard.ts'
