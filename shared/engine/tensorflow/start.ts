/** @file Starts the native back end: TensorFlow, as `tessera engine install` left it. */
import * as tf from '@tensorflow/tfjs-core'
import { asTesseraError, TesseraError } from '../../errors.ts'
import { type EngineManifest, engineFolder, readManifest } from './folder.ts'
import { readSources } from './install/sources.ts'
import { registerTensorflowKernels } from './kernels/index.ts'
import { loadTensorflow, type TensorflowEngine } from './load.ts'
import { fitsProcessor, readProcessor } from './processor.ts'

let loaded: TensorflowEngine | null = null

/** Why there is no native engine to start, or null when one is installed for this machine. */
export async function nativeEngineMissing(): Promise<string | null> {
  let manifest: EngineManifest | null
  try {
    manifest = readManifest(engineFolder(process.env))
  } catch (thrown) {
    return asTesseraError(thrown).message
  }
  if (manifest === null) return 'no native engine is installed; tessera engine install builds one'
  const here = `${process.platform}-${process.arch}`
  if (manifest.platform !== here) return `native engine must be built for ${here}, got ${manifest.platform}`
  // Compiled for one processor's instructions: one that another lacks would end the process without a word.
  if (!fitsProcessor(manifest.processor.features, readProcessor())) {
    return `native engine must be built for this processor, got one for ${manifest.processor.model}; tessera engine install renews it`
  }
  // Our kernels would ask an older build for ops that it does not have.
  if (manifest.sources === (await readSources()).sha256) return null
  return 'native engine must be built from the sources of this version, got others; tessera engine install renews it'
}

/**
 * Loads the engine, registers its back end and our kernels, and says what it is.
 * @throws {TesseraError} ERR_ENGINE_UNAVAILABLE if none is installed or it does not load.
 */
export async function startTensorflow(): Promise<string> {
  const missing = await nativeEngineMissing()
  if (missing !== null) throw new TesseraError('ERR_ENGINE_UNAVAILABLE', `engine must start, got: ${missing}`)
  const engine = loadTensorflow(engineFolder(process.env))
  tf.registerBackend('tensorflow', () => engine.backend)
  await tf.setBackend('tensorflow')
  registerTensorflowKernels(engine.backend)
  loaded = engine
  const { binding, isUsingGpuDevice } = engine.backend
  return `TensorFlow ${binding.TF_Version}, ${isUsingGpuDevice ? 'GPU' : 'CPU'}; recorded steps`
}

/** The engine that {@link startTensorflow} loaded. @throws {TesseraError} ERR_INTERNAL before. */
export function tensorflowEngine(): TensorflowEngine {
  if (loaded !== null) return loaded
  throw new TesseraError('ERR_INTERNAL', 'internal: native engine must be started first')
}
