/** @file Starts the engine that a contest names, and no other. */
import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { TesseraError } from '@tessera/shared/errors'

export const ENGINES = ['wasm', 'tensorflow', 'cpu'] as const
export type EngineName = (typeof ENGINES)[number]

/**
 * @returns Versions and the engine's own line, for the record.
 * @throws {TesseraError} ERR_ENGINE_UNAVAILABLE if that engine does not start here: its figures must not be another's.
 */
export async function startNamedEngine(name: EngineName): Promise<Record<string, string>> {
  if (name !== 'cpu') process.env['TESSERA_ENGINE'] = name
  const engine = await startEngine(name === 'cpu' ? { engine: 'cpu' } : {})
  if (engine.name !== name)
    throw new TesseraError('ERR_ENGINE_UNAVAILABLE', `engine must be ${name}, got ${engine.name}`)
  return { engine: engine.description, tfjs: tf.version_core, node: process.version }
}
