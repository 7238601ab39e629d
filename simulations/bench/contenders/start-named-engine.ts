/** @file Starts the engine that a contest names, and no other. */
import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'

export type EngineName = 'wasm' | 'tensorflow' | 'cpu'

/**
 * @returns Versions and the engine's own line, for the record.
 * @throws {TesseraError} ERR_ENGINE_UNAVAILABLE if that engine does not start here.
 */
export async function startNamedEngine(name: EngineName): Promise<Record<string, string>> {
  const { description } = await startEngine({ engine: name })
  return { engine: description, tfjs: tf.version_core, node: process.version }
}
