/**
 * @file Picks and starts the TensorFlow.js back end of this process.
 */
import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'
import { type BackendWasm, setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import { asTesseraError, TesseraError } from '../errors.ts'
import { registerGradients } from './gradients/index.ts'
import { createHeap, registerKernels } from './kernels/index.ts'
import { nativeEngineMissing, startTensorflow } from './tensorflow/start.ts'
import { threadCount } from './threads.ts'
import { loadKernels } from './wasm/load.ts'
import { catchMemory } from './wasm/memory.ts'
import { startPool } from './wasm/pool.ts'

export const ENGINE_CHOICES = ['auto', 'wasm', 'tensorflow', 'cpu'] as const
export type EngineChoice = (typeof ENGINE_CHOICES)[number]

export interface EngineOptions {
  /**
   * `auto` takes `tensorflow` when it is installed (`tessera engine install`) and loads, else `wasm`; `cpu` is slow, needs a development
   * package, and is there to check the others against. Default: environment `TESSERA_ENGINE`, else `auto`.
   */
  engine?: EngineChoice
  /** Threads of `wasm`, 1 to 64. Default: TESSERA_THREADS of the environment, else the processors there are, 8 at most. Set at the first start. */
  threads?: number
}

/** The engine that runs. */
export interface Engine {
  /** Name of the TensorFlow.js back end. */
  name: string
  /** One line that says what runs. */
  description: string
  /** Why `auto` does not run the native engine; null when it does, or when an engine was asked for by name. */
  passedOver: string | null
}

type Backend = Exclude<EngineChoice, 'auto'>

/** How each back end starts, and what it then says of itself. */
const STARTERS: Record<Backend, (options: EngineOptions) => Promise<string>> = {
  wasm: startWasm,
  tensorflow: startTensorflow,
  cpu: startCpu,
}

const started = new Map<Backend, Promise<Omit<Engine, 'passedOver'>>>()

/**
 * Starts the engine, registers our kernels and the gradients, and makes it the one that runs. Calling again is free.
 * @throws {TesseraError} ERR_ENGINE_UNAVAILABLE if the back end cannot start here; ERR_CONFIG_INVALID if `TESSERA_ENGINE` names none, or
 * `TESSERA_THREADS` or `threads` is no number of threads.
 */
export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const choice = options.engine ?? choiceOf(process.env.TESSERA_ENGINE)
  if (choice !== 'auto') return run(choice, null, options)
  try {
    const missing = await nativeEngineMissing()
    return missing === null ? await run('tensorflow', null, options) : await run('wasm', missing, options)
  } catch (thrown) {
    return run('wasm', asTesseraError(thrown).message, options)
  }
}

async function run(name: Backend, passedOver: string | null, options: EngineOptions): Promise<Engine> {
  const running = started.get(name) ?? start(name, options)
  started.set(name, running)
  const engine = await running
  if (tf.getBackend() !== name) await tf.setBackend(name)
  return { ...engine, passedOver }
}

async function start(name: Backend, options: EngineOptions): Promise<Omit<Engine, 'passedOver'>> {
  // Production mode turns off the greeting and the advice that TensorFlow.js prints in Node.
  tf.enableProdMode()
  registerGradients()
  const what = await STARTERS[name](options)
  return { name, description: `engine: ${name} (${what})` }
}

function choiceOf(value: string | undefined): EngineChoice {
  if (value === undefined || value === '') return 'auto'
  const choice = ENGINE_CHOICES.find((one) => one === value)
  if (choice !== undefined) return choice
  throw new TesseraError(
    'ERR_CONFIG_INVALID',
    `TESSERA_ENGINE must be ${ENGINE_CHOICES.join(', ')}, got ${value.slice(0, 40)}`,
  )
}

async function startWasm({ threads }: EngineOptions): Promise<string> {
  const count = threadCount(threads, process.env)
  const packageMain = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')
  setWasmPaths(dirname(packageMain) + sep)
  const memory = await catchMemory(() =>
    withoutListeners(async () => {
      if (await tf.setBackend('wasm')) return
      throw new TesseraError(
        'ERR_ENGINE_UNAVAILABLE',
        'engine must start, got a failure of the wasm back end',
      )
    }),
  )
  const pool = startPool(await loadKernels(), memory, count)
  registerKernels(createHeap(tf.backend() as BackendWasm, pool))
  return `SIMD, ${count} ${count === 1 ? 'thread' : 'threads'}; own gradient kernels`
}

/** Faults of a process that the loader of the back end listens to, only to throw them again from inside its own file. */
const FAULTS = ['uncaughtException', 'unhandledRejection'] as const

/** Runs `start` and takes off the listeners it put on the process: how a program ends is not the engine's to say. */
async function withoutListeners(start: () => Promise<void>): Promise<void> {
  const before = FAULTS.map((fault) => new Set<unknown>(process.rawListeners(fault)))
  try {
    await start()
  } finally {
    for (const [i, fault] of FAULTS.entries()) {
      for (const listener of process.rawListeners(fault)) {
        if (before[i]?.has(listener) !== true) process.off(fault, listener as () => void)
      }
    }
  }
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
