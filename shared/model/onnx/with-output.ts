/** @file An ONNX model that gives inner tensors out too. */
import protobuf from 'protobufjs/minimal.js'

/**
 * Gives the file of a model with further outputs: the penultimate layer of a classifier, which most files keep to themselves.
 *
 * Two messages written one after the other are, by protobuf's rules, one message with both their fields: what is appended is a model
 * whose graph has these outputs and nothing else.
 * @param names Tensors that the graph computes. Their types are left to the runtime, which infers them.
 */
export function withOutputs(bytes: Uint8Array, names: readonly string[]): Uint8Array {
  if (names.length === 0) return bytes
  const graph = protobuf.Writer.create()
    .uint32((7 << 3) | 2)
    .fork()
  for (const name of names)
    graph
      .uint32((12 << 3) | 2)
      .fork()
      .uint32((1 << 3) | 2)
      .string(name)
      .ldelim()
  const appended = graph.ldelim().finish()
  const longer = new Uint8Array(bytes.length + appended.length)
  longer.set(bytes)
  longer.set(appended, bytes.length)
  return longer
}
