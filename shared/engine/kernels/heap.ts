/**
 * @file What a kernel of ours needs of the stock back end: addresses of its tensors, new tensors, and room to work in.
 */
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import type { WholeKernels } from '../wasm/kernels.ts'
import type { Pool, Run } from '../wasm/pool.ts'

/**
 * The heap that both modules share. An address holds until its tensor is freed. A view on the memory does not: any allocation
 * may grow the memory and detach it, so none is kept.
 */
export interface Heap {
  readonly kernels: WholeKernels
  /** Runs the tasks of a kernel on all threads. */
  readonly run: Run
  /** Threads that a task may run on: as many pieces of scratch are needed where a task needs one. */
  readonly threads: number
  /** Address of the constants of the exponential, which kernels with one are told. */
  readonly constants: number
  /** Byte address of a tensor's values. */
  readonly address: (tensor: tf.TensorInfo) => number
  /** A new tensor, float32 unless told; its values are whatever was there. */
  readonly output: (shape: number[], dtype?: 'float32' | 'int32') => tf.TensorInfo
  /** A view of a float32 tensor's values, until anything is allocated. */
  readonly values: (tensor: tf.TensorInfo) => Float32Array
  /** Another tensor with the same values, not copied. */
  readonly share: (tensor: tf.TensorInfo) => tf.TensorInfo
  /** Frees a tensor that a kernel made for itself. */
  readonly release: (tensor: tf.TensorInfo) => void
  /** Fills a tensor with zeros. */
  readonly clear: (tensor: tf.TensorInfo) => void
  /** Address of at least `floats` float32 values of working room, until the next call. */
  readonly scratch: (floats: number) => number
}

/** A kernel's work: named inputs and attributes in, one tensor or several out. */
export type KernelWork<Names extends string, Attributes> = (
  inputs: Record<Names, tf.TensorInfo>,
  attributes: Attributes,
) => tf.TensorInfo | tf.TensorInfo[]

/** Floats that writeConstants of assembly/activations.ts writes. */
const CONSTANTS = 52

export function createHeap(backend: BackendWasm, pool: Pool): Heap {
  let room = backend.makeOutput([0], 'float32')
  const address = (tensor: tf.TensorInfo): number => backend.dataIdMap.get(tensor.dataId).memoryOffset
  // Never freed: it lives as long as the process.
  const constants = address(backend.makeOutput([CONSTANTS], 'float32'))
  pool.kernels.writeConstants(constants)
  return {
    constants,
    kernels: pool.kernels,
    run: pool.run,
    threads: pool.threads,
    address,
    output: (shape, dtype = 'float32') => backend.makeOutput(shape, dtype),
    values: (tensor) => backend.typedArrayFromHeap(tensor) as Float32Array,
    share(tensor) {
      backend.incRef(tensor.dataId)
      return { dataId: tensor.dataId, shape: tensor.shape, dtype: tensor.dtype }
    },
    release: (tensor) => void backend.disposeData(tensor.dataId),
    clear: (tensor) => pool.kernels.clear(address(tensor), 4 * tf.util.sizeFromShape(tensor.shape)),
    scratch(floats) {
      if (floats > tf.util.sizeFromShape(room.shape)) {
        backend.disposeData(room.dataId)
        // A quarter more than asked: a net of growing layers asks often.
        room = backend.makeOutput([Math.ceil(floats * 1.25)], 'float32')
      }
      return address(room)
    },
  }
}

/**
 * Registers a kernel for the wasm back end in place of the stock one. Work that `when` does not accept goes to the stock
 * kernel.
 */
export function registerKernel<Names extends string, Attributes>(
  name: string,
  work: KernelWork<Names, Attributes>,
  when: (inputs: Record<Names, tf.TensorInfo>, attributes: Attributes) => boolean = () => true,
): void {
  const stock = tf.getKernel(name, 'wasm') as tf.KernelConfig | undefined
  if (stock !== undefined) tf.unregisterKernel(name, 'wasm')
  tf.registerKernel({
    kernelName: name,
    backendName: 'wasm',
    kernelFunc(call) {
      const inputs = call.inputs as Record<Names, tf.TensorInfo>
      const attributes = call.attrs as unknown as Attributes
      if (stock !== undefined && !when(inputs, attributes)) return stock.kernelFunc(call)
      return work(inputs, attributes)
    },
  })
}
