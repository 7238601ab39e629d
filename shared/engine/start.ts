/**
 * @file Picks and starts the TensorFlow.js back end of this process.
 */
import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'
import { type BackendWasm, setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import { require as requireTransformed } from 'tsx/cjs/api'
import { TesseraError } from '../errors.ts'
import { createHeap, registerKernels } from './kernels/index.ts'
import { catchMemory, loadKernels } from './wasm/module.ts'

export type EngineChoice = 'auto' | 'wasm' | 'cpu'

export interface EngineOptions {
  /** `auto` (default) is `wasm`; `cpu` is slow, needs a development package, and is there to check the other against. */
  engine?: EngineChoice
}

/** The engine that runs. */
export interface Engine {
  /** Name of the TensorFlow.js back end. */
  name: string
  /** One line that says what runs. */
  description: string
}

type Backend = Exclude<EngineChoice, 'auto'>

/** Starts a back end that is not running yet, and says what it is. */
const STARTERS: Record<Backend, () => Promise<string>> = { wasm: startWasm, cpu: startCpu }

const started = new Map<Backend, Promise<Engine>>()

/**
 * Starts the engine, registers our kernels and the gradients, and makes it the one that runs. Calling again is free.
 * @throws {TesseraError} ERR_ENGINE_UNAVAILABLE if the back end cannot start here.
 */
export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const choice = options.engine ?? 'auto'
  const name: Backend = choice === 'auto' ? 'wasm' : choice
  const running = started.get(name) ?? start(name)
  started.set(name, running)
  const engine = await running
  if (tf.getBackend() !== name) await tf.setBackend(name)
  return engine
}

async function start(name: Backend): Promise<Engine> {
  // Production mode turns off the greeting and the advice that TensorFlow.js prints in Node.
  tf.enableProdMode()
  requireTransformed('@tensorflow/tfjs-core/dist/register_all_gradients.js', import.meta.url)
  const what = await STARTERS[name]()
  return { name, description: `engine: ${name} (${what})` }
}

async function startWasm(): Promise<string> {
  const packageMain = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')
  setWasmPaths(dirname(packageMain) + sep)
  const memory = await catchMemory(async () => {
    if (await tf.setBackend('wasm')) return
    throw new TesseraError('ERR_ENGINE_UNAVAILABLE', 'engine must start, got a failure of the wasm back end')
  })
  registerKernels(createHeap(tf.backend() as BackendWasm, await loadKernels(memory)))
  return 'SIMD, 1 thread per process; own gradient kernels'
}

async function startCpu(): Promise<string> {
  try {
    await import('@tensorflow/tfjs-backend-cpu')
  } catch (cause) {
    const message = 'engine cpu must have @tensorflow/tfjs-backend-cpu installed, got none'
    throw new TesseraError('ERR_ENGINE_UNAVAILABLE', message, { cause })
  }
  await tf.setBackend('cpu')
  return 'plain JavaScript, for checks only'
}
