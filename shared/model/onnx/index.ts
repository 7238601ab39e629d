export { channels, describeOnnx, type OnnxDescription, type OnnxHints } from './describe.ts'
export { METADATA } from './metadata.ts'
export { type OnnxModel, readOnnxModel } from './read.ts'
export { withOutputs } from './with-output.ts'
