/**
 * @file The network on TensorFlow.js: weights as tensors, the forward pass, and reference cases. Start the engine first
 * (shared/engine).
 */
export * from './network.ts'
export { fromEngine, fromParams, type Params, toParams } from './params.ts'
export * from './reference.ts'
