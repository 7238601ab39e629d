/**
 * @file What is known of an ONNX model without running it: inputs, outputs, shapes, and which node makes which tensor.
 *
 * Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. Field numbers are those of that file. Weights are not read, only
 * their names and shapes.
 */
import { MAX_MODEL_BYTES } from '../../protocol/limits.ts'
import { onnxBroken } from './fault.ts'
import { bytesOf, type Field, fieldsOf, numberOf, numbersOf, textOf } from './fields.ts'

/** A dimension: a number, or the name (maybe empty) of one that is free. */
export type Dimension = number | string

/** An input or output. */
export interface OnnxValue {
  readonly name: string
  /** ONNX's TensorProto.DataType: 1 is float32. Null when the file does not say. */
  readonly elementType: number | null
  /** Null when the file does not say. */
  readonly shape: readonly Dimension[] | null
}

export interface OnnxNode {
  readonly operator: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Attributes that hold one integer. */
  readonly integers: ReadonlyMap<string, number>
}

export interface OnnxModel {
  readonly metadata: ReadonlyMap<string, string>
  /** Without those that are only defaults of weights. */
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
  /** Shapes of inner tensors, as far as the file gives them. */
  readonly inner: ReadonlyMap<string, OnnxValue>
  /** Shapes of the weights. */
  readonly weights: ReadonlyMap<string, readonly number[]>
  /** By the name of each tensor it makes. */
  readonly makers: ReadonlyMap<string, OnnxNode>
}

/** Deepest nesting of graphs in nodes of graphs: If and Loop of real models go 3 deep. */
const MAX_DEPTH = 16
/** Most nodes, inner ones counted: the largest vision transformers have 10,000. */
const MAX_NODES = 500_000
/** TensorProto.DataLocation.EXTERNAL */
const EXTERNAL = 1

/**
 * Reads a model's description.
 * @throws {TesseraError} ERR_ONNX_FILE if the bytes are too many or no ONNX model; if a tensor, however deep, lies in another file, which
 * would let a model name any file of the machine that runs it; if a norm computes by the batch, which would make a tile's features
 * depend on its neighbours.
 */
export function readOnnxModel(bytes: Uint8Array): OnnxModel {
  if (bytes.length > MAX_MODEL_BYTES) {
    throw onnxBroken(`ONNX file must have at most ${MAX_MODEL_BYTES} bytes, got ${bytes.length}`)
  }
  const read: Reading = {
    metadata: new Map(),
    inputs: [],
    outputs: [],
    inner: new Map(),
    weights: new Map(),
    makers: new Map(),
    nodes: 0,
  }
  let [version, graphs] = [0, 0]
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) version = numberOf(field)
    else if (field.number === 7) {
      graphs++
      readGraph(read, bytesOf(field), 0)
    } else if (field.number === 14) readPair(field, read.metadata)
    // Functions, whose nodes may hold tensors; graphs of training.
    else if (field.number === 25) readFunction(read, bytesOf(field))
    else if (field.number === 20) throw onnxBroken('ONNX file must be for inference, got training graphs')
  }
  if (version < 1 || graphs === 0) throw onnxBroken('ONNX file must hold a version and a graph, got none')
  return { ...read, inputs: read.inputs.filter(({ name }) => !read.weights.has(name)) }
}

interface Reading extends OnnxModel {
  readonly metadata: Map<string, string>
  readonly inputs: OnnxValue[]
  readonly outputs: OnnxValue[]
  readonly inner: Map<string, OnnxValue>
  readonly weights: Map<string, readonly number[]>
  readonly makers: Map<string, OnnxNode>
  nodes: number
}

/** GraphProto. Names of inner graphs (depth above 0) are their own: they are checked, not kept. */
function readGraph(read: Reading, message: Uint8Array, depth: number): void {
  if (depth > MAX_DEPTH) throw onnxBroken(`graphs must be nested at most ${MAX_DEPTH} deep, got more`)
  const outer = depth === 0
  for (const field of fieldsOf(message)) {
    if (field.number === 1) {
      const node = readNode(read, bytesOf(field), depth)
      if (outer) for (const output of node.outputs) read.makers.set(output, node)
    } else if (field.number === 5) {
      const { name, shape } = readTensor(bytesOf(field))
      if (outer) read.weights.set(name, shape)
    } else if (field.number === 15) readSparse(bytesOf(field))
    else if (outer && field.number === 11) read.inputs.push(readValue(bytesOf(field)))
    else if (outer && field.number === 12) read.outputs.push(readValue(bytesOf(field)))
    else if (outer && field.number === 13) {
      const value = readValue(bytesOf(field))
      read.inner.set(value.name, value)
    }
  }
}

/** FunctionProto: its nodes are field 7. */
function readFunction(read: Reading, message: Uint8Array): void {
  for (const field of fieldsOf(message)) if (field.number === 7) readNode(read, bytesOf(field), 1)
}

/** NodeProto. */
function readNode(read: Reading, message: Uint8Array, depth: number): OnnxNode {
  if (++read.nodes > MAX_NODES) throw onnxBroken(`graph must have at most ${MAX_NODES} nodes, got more`)
  const [inputs, outputs, integers]: [string[], string[], Map<string, number>] = [[], [], new Map()]
  let operator = ''
  for (const field of fieldsOf(message)) {
    if (field.number === 1) inputs.push(textOf(field))
    else if (field.number === 2) outputs.push(textOf(field))
    else if (field.number === 4) operator = textOf(field)
    else if (field.number === 5) readAttribute(read, bytesOf(field), integers, depth)
  }
  if (operator === 'BatchNormalization' && integers.get('training_mode') === 1) {
    throw onnxBroken(
      'norms must use running statistics, got one in training mode: export the model in eval mode',
    )
  }
  return { operator, inputs, outputs, integers }
}

/** AttributeProto: a name, and an integer, tensors or graphs. */
function readAttribute(
  read: Reading,
  message: Uint8Array,
  integers: Map<string, number>,
  depth: number,
): void {
  let name = ''
  let integer: number | null = null
  for (const field of fieldsOf(message)) {
    if (field.number === 1) name = textOf(field)
    else if (field.number === 3) integer = numberOf(field)
    else if (field.number === 5 || field.number === 10) readTensor(bytesOf(field))
    else if (field.number === 22 || field.number === 23) readSparse(bytesOf(field))
    else if (field.number === 6 || field.number === 11) readGraph(read, bytesOf(field), depth + 1)
  }
  if (integer !== null) integers.set(name, integer)
}

/** TensorProto, without its values. */
function readTensor(message: Uint8Array): { name: string; shape: number[] } {
  const shape: number[] = []
  let name = ''
  for (const field of fieldsOf(message)) {
    if (field.number === 1) shape.push(...numbersOf(field))
    else if (field.number === 8) name = textOf(field)
    // Also when a later field takes it back: an honest file never says it.
    else if (field.number === 13 || (field.number === 14 && numberOf(field) === EXTERNAL)) {
      throw onnxBroken(
        'weights must lie in the ONNX file itself, got a tensor in another file: save the model as one file (torch.onnx.export: external_data=False)',
      )
    }
  }
  return { name, shape }
}

/** SparseTensorProto: values and indices. */
function readSparse(message: Uint8Array): void {
  for (const field of fieldsOf(message))
    if (field.number === 1 || field.number === 2) readTensor(bytesOf(field))
}

/** StringStringEntryProto. */
function readPair(field: Field, pairs: Map<string, string>): void {
  let [key, value] = ['', '']
  for (const part of fieldsOf(bytesOf(field))) {
    if (part.number === 1) key = textOf(part)
    else if (part.number === 2) value = textOf(part)
  }
  pairs.set(key, value)
}

/** ValueInfoProto with TypeProto.Tensor and TensorShapeProto inside. */
function readValue(message: Uint8Array): OnnxValue {
  let [name, elementType, shape]: [string, number | null, Dimension[] | null] = ['', null, null]
  for (const field of fieldsOf(message)) {
    if (field.number === 1) name = textOf(field)
    else if (field.number === 2) {
      for (const type of fieldsOf(bytesOf(field))) {
        if (type.number !== 1) continue
        for (const part of fieldsOf(bytesOf(type))) {
          if (part.number === 1) elementType = numberOf(part)
          else if (part.number === 2) shape = readShape(bytesOf(part))
        }
      }
    }
  }
  return { name, elementType, shape }
}

function readShape(message: Uint8Array): Dimension[] {
  const shape: Dimension[] = []
  for (const field of fieldsOf(message)) {
    if (field.number !== 1) continue
    let dimension: Dimension = ''
    for (const part of fieldsOf(bytesOf(field))) {
      if (part.number === 1) dimension = numberOf(part)
      else if (part.number === 2) dimension = textOf(part)
    }
    shape.push(dimension)
  }
  return shape
}
