/** @file Models in the formats of others, as bytes: no engine is needed to write them. */
export type { ExportedModel } from './exported-model.ts'
export { encodeOnnx, type OnnxFile } from './onnx-file.ts'
export { toOnnx } from './to-onnx.ts'
export { toTensorflowJs } from './to-tensorflow-js.ts'
