/** Small ONNX models for tests, written by the export's own writer. */
import { encodeOnnx, type OnnxFile } from '@tessera/shared/model/export'
import { createRandom } from '@tessera/shared/random'

const normals = (seed: string, length: number): Float32Array => {
  const random = createRandom(seed)
  return Float32Array.from({ length }, () => random.normal(0, 0.3))
}

/** A 3×3 convolution with stride 2 from 3 to `width` channels, ReLU, mean over the pixels, and a classifier that is the only output. */
export const classifierModel = (changes: Partial<OnnxFile> = {}, width = 6, classes = 3): OnnxFile => ({
  graph: 'classifier',
  nodes: [
    {
      operator: 'Conv',
      inputs: ['image', 'conv.weight'],
      outputs: ['conv'],
      attributes: { strides: [2, 2], pads: [1, 1, 1, 1] },
    },
    { operator: 'Relu', inputs: ['conv'], outputs: ['map'] },
    { operator: 'GlobalAveragePool', inputs: ['map'], outputs: ['pooled'] },
    { operator: 'Flatten', inputs: ['pooled'], outputs: ['flat'] },
    {
      operator: 'Gemm',
      inputs: ['flat', 'fc.weight', 'fc.bias'],
      outputs: ['scores'],
      attributes: { transB: 1 },
    },
  ],
  weights: [
    { name: 'conv.weight', shape: [width, 3, 3, 3], values: normals('conv', width * 27) },
    { name: 'fc.weight', shape: [classes, width], values: normals('fc', classes * width) },
    { name: 'fc.bias', shape: [classes], values: normals('bias', classes) },
  ],
  inputs: [{ name: 'image', shape: ['batch', 3, 16, 16] }],
  outputs: [{ name: 'scores', shape: ['batch', classes] }],
  metadata: new Map(),
  ...changes,
})

/** The bytes of {@link classifierModel}. */
export const classifierBytes = (changes: Partial<OnnxFile> = {}, width = 6, classes = 3): Uint8Array =>
  encodeOnnx(classifierModel(changes, width, classes))

/** A protobuf message from its fields: `[number, bytes or text or integer]`. For files that no writer of ours makes. */
export function rawMessage(
  ...fields: readonly (readonly [number, Uint8Array | string | number])[]
): Uint8Array {
  const parts = fields.flatMap(([field, value]) => {
    if (typeof value === 'number') return [...varint(field << 3), ...varint(value)]
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
    return [...varint((field << 3) | 2), ...varint(bytes.length), ...bytes]
  })
  return Uint8Array.from(parts)
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
}
