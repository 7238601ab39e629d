/**
 * @file An ONNX model run by onnxruntime on the processor, a tile at a time.
 *
 * A tile at a time, so that what it gives hangs on the tile alone and can be kept: a runtime may choose other kernels for another batch.
 * It costs nothing: several tiles run side by side, each on one thread, which is faster here than one batch on all threads (17 against 28
 * tiles a second of EfficientNet-B0 at 224 px on two cores).
 */
import { availableParallelism } from 'node:os'
import { TesseraError } from '@tessera/shared/errors'
import { readOnnxModel, withOutputs } from '@tessera/shared/model/onnx'
import type { OnnxTeacher } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import type { InferenceSession } from 'onnxruntime-node'
import { poolFeatures } from './pool-features.ts'
import { prepareTile } from './prepare-tile.ts'

/** A teacher that answers for single tiles. */
export interface TileTeacher {
  readonly featureWidth: number
  /** Null without logits. */
  readonly classes: number | null
  /** How many tiles may be asked for at the same time. */
  readonly parallel: number
  /** D features, then N logits. @param tile [sizePx, sizePx, 3], normalised by ImageNet's mean and deviation. */
  row(this: void, tile: Float32Array, sizePx: number): Promise<Float32Array>
  dispose(): Promise<void>
}

/** Threads that Node gives native work (libuv's default): more tiles at the same time would only wait. */
const NATIVE_THREADS = 4

/**
 * Loads a teacher. The bytes reach the runtime's parser only when they have the study's hash and are a whole ONNX model that names no
 * other file.
 * @throws {TesseraError} ERR_MODEL_HASH, ERR_ONNX_FILE; ERR_ONNX_RUN if the runtime is not there or refuses the model.
 */
export async function createOnnxTeacher(bytes: Uint8Array, teacher: OnnxTeacher): Promise<TileTeacher> {
  const sha256 = sha256Hex(bytes)
  if (sha256 !== teacher.sha256) {
    throw new TesseraError('ERR_MODEL_HASH', `teacher must have SHA-256 ${teacher.sha256}, got ${sha256}`)
  }
  const { outputs } = readOnnxModel(bytes)
  const read = [teacher.features.tensor, ...(teacher.logits ? [teacher.logits.tensor] : [])]
  const inner = read.filter((tensor) => !outputs.some(({ name }) => name === tensor))
  const cores = availableParallelism()
  const runtime = await running('load', () => import('onnxruntime-node'))
  const session = await running('load', () =>
    runtime.InferenceSession.create(withOutputs(bytes, inner), {
      executionProviders: ['cpu'],
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      interOpNumThreads: 1,
      intraOpNumThreads: Math.max(1, Math.floor(cores / NATIVE_THREADS)),
      // Its warnings go past our log.
      logSeverityLevel: 4,
    }),
  )
  const { sizePx: size, layout, tensor: inputName } = teacher.input
  const shape = layout === 'nchw' ? [1, 3, size, size] : [1, size, size, 3]
  return {
    featureWidth: teacher.featureWidth,
    classes: teacher.logits?.classes ?? null,
    parallel: Math.min(cores, NATIVE_THREADS),
    async row(tile, sizePx) {
      const image = new runtime.Tensor('float32', prepareTile(tile, sizePx, teacher.input), shape)
      const results = await running('run', () => session.run({ [inputName]: image }, read))
      const row = new Float32Array(teacher.featureWidth + (teacher.logits?.classes ?? 0))
      const features = valuesOf(results, teacher.features.tensor)
      row.set(poolFeatures(features.data, features.shape, teacher), 0)
      if (teacher.logits) {
        const { data } = valuesOf(results, teacher.logits.tensor)
        if (data.length !== teacher.logits.classes) {
          throw failed(`logits must have ${teacher.logits.classes} values a tile, got ${data.length}`)
        }
        row.set(data, teacher.featureWidth)
      }
      if (!row.every(Number.isFinite)) throw failed('features and logits must be finite, got NaN or infinity')
      return row
    },
    dispose: () => session.release(),
  }
}

function valuesOf(
  results: InferenceSession.OnnxValueMapType,
  name: string,
): { data: Float32Array; shape: readonly number[] } {
  const tensor = results[name]
  if (tensor?.data instanceof Float32Array) return { data: tensor.data, shape: tensor.dims }
  throw failed(`outputs must be float32, got ${tensor?.type ?? 'none'}`)
}

async function running<T>(verb: 'load' | 'run', work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const [line = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n')
    throw failed(`teacher must ${verb} in the ONNX runtime, got: ${line.slice(0, 200)}`, cause)
  }
}

function failed(message: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_ONNX_RUN', message, { cause })
}
