/**
 * @file Loads the native engine out of its folder: TensorFlow.js' back end for TensorFlow, and our own addon beside it.
 *
 * The npm package in that folder comes without its dependencies. What it asks for is handed to it here: this project's own TensorFlow.js core
 * (a second copy would be a second engine, with tensors that the first does not know), the two functions that Node 24 took out of `util`, and
 * nothing for its TensorBoard messages, which are never written.
 */
import { readdirSync } from 'node:fs'
import Module, { createRequire } from 'node:module'
import { join } from 'node:path'
import util from 'node:util'
import type { KernelBackend } from '@tensorflow/tfjs-core'
import { TesseraError } from '../../errors.ts'
import type { Native, TfjsBinding } from './binding.ts'
import { ADDON_FILE, BINDING_FILE, LIBRARY_FOLDER, PACKAGE_FOLDER, QUIET_FILE } from './folder.ts'

/** The back end of TensorFlow.js, with what the recorder and our kernels use of it. */
export interface TensorflowBackend extends KernelBackend {
  binding: TfjsBinding
  readonly isUsingGpuDevice: boolean
  getInputTensorIds(tensors: readonly unknown[]): number[]
  createOutputTensor(metadata: { id: number; shape: number[]; dtype: number }): unknown
  executeSingleOutput(name: string, attributes: readonly object[], inputs: readonly unknown[]): unknown
  executeMultipleOutputs(
    name: string,
    attributes: readonly object[],
    inputs: readonly unknown[],
    outputs: number,
  ): unknown[]
}

/** The loaded engine. */
export interface TensorflowEngine {
  readonly backend: TensorflowBackend
  readonly native: Native
}

interface BackendModule {
  NodeJSKernelBackend: new (binding: TfjsBinding, packageName: string) => TensorflowBackend
}

/**
 * Loads the engine and registers the stock kernels for back end `tensorflow`; the caller registers the back end itself.
 * @throws {TesseraError} ERR_ENGINE_UNAVAILABLE if a library does not load here.
 */
export function loadTensorflow(folder: string): TensorflowEngine {
  // Its start-up messages are for developers of TensorFlow. Set before the library is loaded, which reads it once.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
  const require = createRequire(import.meta.url)
  try {
    loadQuietly(folder, require)
    // Ours first: its memory pool must be asked for before the other makes TensorFlow's device.
    const native = require(join(folder, ADDON_FILE)) as Native
    const binding = require(join(folder, BINDING_FILE)) as TfjsBinding
    const dist = join(folder, PACKAGE_FOLDER, 'dist')
    const { NodeJSKernelBackend } = withStandIns(require('@tensorflow/tfjs-core'), () => {
      require(join(dist, 'register_all_kernels.js'))
      return require(join(dist, 'nodejs_kernel_backend.js')) as BackendModule
    })
    return { backend: new NodeJSKernelBackend(binding, '@tensorflow/tfjs-node-gpu'), native }
  } catch (cause) {
    throw new TesseraError(
      'ERR_ENGINE_UNAVAILABLE',
      `native engine must load, got ${reasonOf(cause)}; tessera engine install --fresh builds it again`,
      { cause },
    )
  }
}

/** Loads TensorFlow's library, which would write to standard error; whoever needs it next finds it loaded. */
function loadQuietly(folder: string, require: NodeJS.Require): void {
  const libraries = join(folder, LIBRARY_FOLDER)
  const name = readdirSync(libraries).find((file) => file.startsWith('libtensorflow_cc.'))
  const { load } = require(join(folder, QUIET_FILE)) as { load: (path: string) => string | null }
  const fault = load(join(libraries, name ?? 'libtensorflow_cc'))
  if (fault !== null) throw new Error(fault)
}

/** What every loading hook of CommonJS replaces; Node 20 has no public way to answer a require. */
const LOAD = '_load'

/** Runs `load` while certain modules are answered from here instead of from files. */
function withStandIns<T>(core: unknown, load: () => T): T {
  const standIns: Record<string, unknown> = {
    '@tensorflow/tfjs': core,
    '@tensorflow/tfjs-core': core,
    './proto/api_pb': {},
    util: {
      ...util,
      isNullOrUndefined: (value: unknown): boolean => value === null || value === undefined,
      isArray: Array.isArray,
    },
  }
  const loader = Module as unknown as Record<typeof LOAD, (request: string, ...rest: unknown[]) => unknown>
  const stock = loader[LOAD]
  loader[LOAD] = (request, ...rest) =>
    Object.hasOwn(standIns, request) ? standIns[request] : stock.call(Module, request, ...rest)
  try {
    return load()
  } finally {
    loader[LOAD] = stock
  }
}

/** First line of a loader's message, without the folder that it names. */
function reasonOf(cause: unknown): string {
  const [line = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n')
  return line.replaceAll(/\/\S*\//g, '').slice(0, 200)
}
