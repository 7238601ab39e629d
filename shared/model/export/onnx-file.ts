/**
 * @file Writes an ONNX file: nodes, weights, inputs and outputs as a protobuf message.
 *
 * Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; field numbers are those of that file. Equal arguments give equal bytes.
 */
import protobuf from 'protobufjs/minimal.js'

/** A node of the graph. Attributes: a float as `{ float }`, an integer as a number, a list of integers as a list. */
export interface OnnxFileNode {
  readonly operator: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes?: Readonly<Record<string, number | readonly number[] | { readonly float: number }>>
}

/** A weight: float32, or int64 for the arguments of some operators. */
export interface OnnxFileTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: Float32Array | BigInt64Array
}

/** A float32 input or output; a free dimension is its name. */
export interface OnnxFileValue {
  readonly name: string
  readonly shape: readonly (number | string)[]
}

export interface OnnxFile {
  readonly graph: string
  readonly nodes: readonly OnnxFileNode[]
  readonly weights: readonly OnnxFileTensor[]
  readonly inputs: readonly OnnxFileValue[]
  readonly outputs: readonly OnnxFileValue[]
  readonly metadata: ReadonlyMap<string, string>
}

/** Version 17 of the operators: the first with all that the exports use in their present form; every runtime since 2022 has it. */
const OPSET = 17
/** Of the file format; goes with opset 17. */
const IR_VERSION = 8
/** TensorProto.DataType */
const [FLOAT, INT64] = [1, 7] as const
/** AttributeProto.AttributeType */
const TYPE = { float: 1, integer: 2, integers: 7 } as const

type Write = (writer: protobuf.Writer) => void

/** Gives the bytes of an ONNX file. */
export function encodeOnnx({ graph, nodes, weights, inputs, outputs, metadata }: OnnxFile): Uint8Array {
  const writer = protobuf.Writer.create()
  integer(writer, 1, IR_VERSION)
  text(writer, 2, 'tessera')
  message(writer, 7, (own) => {
    for (const node of nodes) message(own, 1, (inner) => writeNode(inner, node))
    text(own, 2, graph)
    for (const weight of weights) message(own, 5, (inner) => writeTensor(inner, weight))
    for (const value of inputs) message(own, 11, (inner) => writeValue(inner, value))
    for (const value of outputs) message(own, 12, (inner) => writeValue(inner, value))
  })
  message(writer, 8, (own) => integer(own, 2, OPSET))
  for (const [key, value] of metadata) {
    message(writer, 14, (own) => {
      text(own, 1, key)
      text(own, 2, value)
    })
  }
  // A copy of its own: protobufjs may answer with a view of a pool.
  return new Uint8Array(writer.finish())
}

function writeNode(
  writer: protobuf.Writer,
  { operator, inputs, outputs, attributes = {} }: OnnxFileNode,
): void {
  for (const input of inputs) text(writer, 1, input)
  for (const output of outputs) text(writer, 2, output)
  text(writer, 3, outputs[0] ?? '')
  text(writer, 4, operator)
  for (const [name, value] of Object.entries(attributes)) {
    message(writer, 5, (own) => {
      text(own, 1, name)
      if (typeof value === 'number') {
        integer(own, 3, value)
        integer(own, 20, TYPE.integer)
      } else if ('float' in value) {
        own.uint32((2 << 3) | 5).float(value.float)
        integer(own, 20, TYPE.float)
      } else {
        for (const item of value) integer(own, 8, item)
        integer(own, 20, TYPE.integers)
      }
    })
  }
}

function writeTensor(writer: protobuf.Writer, { name, shape, values }: OnnxFileTensor): void {
  for (const size of shape) integer(writer, 1, size)
  integer(writer, 2, values instanceof Float32Array ? FLOAT : INT64)
  text(writer, 8, name)
  writer.uint32((9 << 3) | 2).bytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
}

function writeValue(writer: protobuf.Writer, { name, shape }: OnnxFileValue): void {
  text(writer, 1, name)
  message(writer, 2, (type) =>
    message(type, 1, (tensor) => {
      integer(tensor, 1, FLOAT)
      message(tensor, 2, (own) => {
        for (const size of shape) {
          message(own, 1, (dimension) =>
            typeof size === 'number' ? integer(dimension, 1, size) : text(dimension, 2, size),
          )
        }
      })
    }),
  )
}

function message(writer: protobuf.Writer, field: number, write: Write): void {
  write(writer.uint32((field << 3) | 2).fork())
  writer.ldelim()
}

function integer(writer: protobuf.Writer, field: number, value: number): void {
  writer.uint32(field << 3).int64(value)
}

function text(writer: protobuf.Writer, field: number, value: string): void {
  writer.uint32((field << 3) | 2).string(value)
}
