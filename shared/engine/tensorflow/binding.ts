/** @file What the two addons offer: TensorFlow.js' own (`tfjs.node`) and ours (`native/session.cc`). */

/** An attribute of an op, as TensorFlow.js writes it: `type` is one of the binding's `TF_ATTR_…`. */
export interface OpAttribute {
  readonly name: string
  readonly type: number
  readonly value: unknown
}

/** A tensor that the binding holds. */
export interface TensorMetadata {
  readonly id: number
  readonly shape: number[]
  readonly dtype: number
}

/** TensorFlow.js' addon: ops run one by one on tensors named by numbers. */
export interface TfjsBinding {
  createTensor(shape: readonly number[], dtype: number, values: unknown): number
  deleteTensor(id: number): void
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array
  executeOp(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): TensorMetadata[]
  isUsingGpuDevice(): boolean
  readonly TF_Version: string
  readonly TF_FLOAT: number
  readonly TF_INT32: number
  readonly TF_BOOL: number
  readonly TF_RESOURCE: number
  readonly TF_ATTR_STRING: number
  readonly TF_ATTR_INT: number
  readonly TF_ATTR_FLOAT: number
  readonly TF_ATTR_BOOL: number
  readonly TF_ATTR_TYPE: number
  readonly TF_ATTR_SHAPE: number
}

/** `TF_ATTR_TENSOR` of TensorFlow's C API; the stock binding does not export it. */
export const TF_ATTR_TENSOR = 6

declare const opaque: unique symbol
/** A graph of TensorFlow, freed with the object. */
export type NativeGraph = { readonly [opaque]: 'graph' }
/** A session of TensorFlow, freed with the object; it keeps its graph. */
export type NativeSession = { readonly [opaque]: 'session' }

/** An output of an operation: its name, and which of its outputs. */
export type Output = readonly [operation: string, index: number]

/** Values on their way into a session. */
export interface NativeTensor {
  readonly dtype: number
  readonly shape: readonly number[]
  readonly data: Uint8Array
}

/** Our addon. */
export interface Native {
  createGraph(): NativeGraph
  /**
   * Adds one operation and returns what shape inference says of its outputs; -1 stands for a size it cannot tell. The tensors of an
   * input that is a list come one after the other.
   */
  addOperation(
    graph: NativeGraph,
    type: string,
    name: string,
    inputs: readonly Output[],
    controls: readonly string[],
    attributes: readonly OpAttribute[],
  ): { dtype: number; shape: number[] }[]
  createSession(graph: NativeGraph, config: Uint8Array): NativeSession
  /** Runs off the main thread. */
  runSession(
    session: NativeSession,
    feeds: readonly (NativeTensor & { readonly op: string })[],
    fetches: readonly Output[],
    targets: readonly string[],
  ): Promise<{ dtype: number; shape: number[]; data: ArrayBuffer }[]>
  closeSession(session: NativeSession): void
}
