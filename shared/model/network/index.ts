/**
 * @file The network on TensorFlow.js: weights as tensors, the forward pass, and reference cases. Start the engine first
 * (shared/engine).
 */
export * from './network.ts'
export { drawNoise, type NoiseSettings } from './noise.ts'
export { fromEngine, fromParams, type Params, toParams, toValues } from './params.ts'
export * from './reference.ts'
