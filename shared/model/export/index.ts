/** @file Models in the formats of others, as bytes: no engine is needed to write them. */
export { encodeOnnx, type OnnxFile } from './onnx-file.ts'
