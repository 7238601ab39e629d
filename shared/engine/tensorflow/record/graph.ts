/** @file A graph in the making: operations by name, who reads whose output, and the line of the program that asked for each. */
import { TesseraError } from '../../../errors.ts'
import { type Native, type NativeGraph, type OpAttribute, type Output, TF_ATTR_TENSOR } from '../binding.ts'

/** Data types and attribute types of TensorFlow's C API. */
export const DTYPE = { float: 1, int32: 3, bool: 10, resource: 20 } as const
export const ATTRIBUTE = {
  string: 0,
  int: 1,
  float: 2,
  bool: 3,
  type: 4,
  shape: 5,
  tensor: TF_ATTR_TENSOR,
} as const

export interface OutputInfo {
  readonly dtype: number
  readonly shape: number[]
}

/** An operation of the graph. */
export interface Operation {
  readonly name: string
  readonly type: string
  readonly inputs: readonly Output[]
  readonly attributes: readonly OpAttribute[]
  readonly outputs: readonly OutputInfo[]
  /** Where the program asked for it. */
  readonly line: string
}

export interface GraphBuilder {
  readonly native: NativeGraph
  /**
   * Adds an operation.
   * @param controls Operations that must have run before it.
   * @throws {TesseraError} ERR_ENGINE_GRAPH if TensorFlow refuses it.
   */
  add(
    type: string,
    inputs: readonly Output[],
    attributes: readonly OpAttribute[],
    controls?: readonly string[],
  ): Operation
  operation(name: string): Operation
}

/** Starts an empty graph. */
export function createGraph(native: Native): GraphBuilder {
  const graph = native.createGraph()
  const operations = new Map<string, Operation>()
  return {
    native: graph,
    add(type, inputs, attributes, controls = []) {
      const name = `${type}_${operations.size}`
      const line = callingLine()
      try {
        const outputs = native.addOperation(graph, type, name, inputs, controls, attributes)
        const operation = { name, type, inputs, attributes, outputs, line }
        operations.set(name, operation)
        return operation
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause)
        throw new TesseraError(
          'ERR_ENGINE_GRAPH',
          `recorded op ${type} must fit its inputs, got: ${reason} (${line})`,
          {
            cause,
          },
        )
      }
    },
    operation(name) {
      const operation = operations.get(name)
      if (operation) return operation
      throw new TesseraError('ERR_INTERNAL', `internal: graph must have operation ${name}, got none`)
    },
  }
}

/**
 * A run's failure with the op and the line that recorded it, as far as TensorFlow's message names a node: `{{node Conv2D_17}}` or
 * `[[Conv2D_17]]`.
 */
export function explainFailure(graph: GraphBuilder, cause: unknown): TesseraError {
  const message = cause instanceof Error ? cause.message : String(cause)
  const name = /(?:\{\{node |\[\[(?:\{\{node )?)([A-Za-z0-9_]+)/.exec(message)?.[1]
  const [reason = ''] = message.split('\n')
  let where = ''
  try {
    const { type, line } = graph.operation(name ?? '')
    where = ` in ${type} (${line})`
  } catch {
    // A node that a rewrite made has no line of ours: the message has to do.
  }
  return new TesseraError('ERR_ENGINE_GRAPH', `recorded step must run, got: ${reason}${where}`, { cause })
}

/** Frames that say nothing of why an op is there. */
const MACHINERY =
  /node_modules|node:internal|tfjs-core|(?<!tests\/)shared\/engine\/(?:tensorflow|gradients|kernels|ops)\/|package\/dist/

/** The innermost line of the program that is not machinery, as `file:line`. */
function callingLine(): string {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 60
  const stack = new Error('for its stack').stack ?? ''
  Error.stackTraceLimit = limit
  const frame = stack.split('\n').find((line) => line.startsWith('    at ') && !MACHINERY.test(line))
  const place = /([^/\\]+\/[^/\\]+:\d+):\d+\)?$/.exec(frame ?? '')?.[1]
  return place ?? 'no line of this program'
}
