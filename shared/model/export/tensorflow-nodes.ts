/** @file Nodes of a TensorFlow graph as JSON, as TensorFlow.js reads them: texts in base64, integers as texts. */

export type Attribute = Readonly<Record<string, unknown>>

export interface TensorflowNode {
  readonly name: string
  readonly op: string
  readonly input: readonly string[]
  readonly attr: Readonly<Record<string, Attribute>>
}

export const FLOAT: Attribute = { type: 'DT_FLOAT' }
export const INT32: Attribute = { type: 'DT_INT32' }

/** A node on float32 tensors. */
export function node(
  op: string,
  name: string,
  input: readonly string[],
  attr: Readonly<Record<string, Attribute>> = {},
): TensorflowNode {
  return { name, op, input, attr: { T: FLOAT, ...attr } }
}

/** A weight: its values lie in the weight files. */
export function constant(name: string, type: Attribute, shape: readonly number[]): TensorflowNode {
  const tensor = { dtype: type.type, tensorShape: shapeOf(shape) }
  return { name, op: 'Const', input: [], attr: { dtype: type, value: { tensor } } }
}

export const text = (value: string): Attribute => ({ s: Buffer.from(value).toString('base64') })
export const integers = (values: readonly number[]): Attribute => ({ list: { i: values.map(String) } })
export const shapeOf = (shape: readonly number[]): Attribute => ({
  dim: shape.map((size) => ({ size: String(size) })),
})
