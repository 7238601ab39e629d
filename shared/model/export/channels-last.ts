/** @file Filters in TensorFlow's order. */

/**
 * Gives a filter [outputs, inputs, height, width] as [height, width, inputs, outputs]; of a depthwise convolution, [C, 1, height, width] as
 * [height, width, C, 1].
 */
export function channelsLast(
  values: Float32Array,
  shape: readonly number[],
): { shape: number[]; values: Float32Array } {
  const [outputs = 0, inputs = 0, height = 0, width = 0] = shape
  const area = height * width
  const turned = new Float32Array(values.length)
  for (let o = 0, from = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let place = 0; place < area; place++, from++) {
        turned[(place * inputs + i) * outputs + o] = values[from] ?? 0
      }
    }
  }
  // A 1×1 filter with one input is no depthwise one unless it has as many outputs as inputs: then both shapes hold the same values.
  const depthwise = inputs === 1 && area > 1
  return { shape: depthwise ? [height, width, outputs, 1] : [height, width, inputs, outputs], values: turned }
}
