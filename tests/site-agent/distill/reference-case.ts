/** A case of kind `moma-step` made of seeded numbers, for the tests of what reads cases. What it expects is not filled in. */
import type { CaseTensor } from '@tessera/shared/model/network'
import type { ReferenceCase } from '@tessera/site-agent/distill'
import { normals } from './support.ts'

const [B, N, D, C, K] = [3, 2, 4, 4, 5]

function random(name: string, ...shape: number[]): [string, CaseTensor] {
  return [
    name,
    {
      shape,
      data: normals(
        name,
        shape.reduce((product, size) => product * size, 1),
      ),
    },
  ]
}

function layerOf(name: string, outputs: number, inputs: number): [string, CaseTensor][] {
  return [random(`${name}.weight`, outputs, inputs), random(`${name}.bias`, outputs)]
}

export const CONFIG = {
  heads: 2,
  featureDim: C,
  temperature: 0.15,
  momentum: 0.9,
  klTemperature: 4,
  weights: { ce: 1, kl: 1, nce: 1 },
  queueIndex: 4,
  nextQueueIndex: 2,
  teacherTask: 'same',
}

/** The case, expecting the tensors of `expected`. */
export function momaCase(expected: readonly string[], config: unknown = CONFIG): ReferenceCase {
  return {
    config,
    expected,
    inputs: new Map([
      random('student_features', B, D),
      random('teacher_features', B, D),
      random('student_logits', B, N),
      random('teacher_logits', B, N),
      ['labels', { shape: [B], data: Float32Array.of(0, 1, 1) }],
      random('queue', K, C),
    ]),
    params: new Map([
      ...['student_head', 'teacher_head'].flatMap((head) => [
        ...layerOf(`${head}.fc1`, D, D),
        ...layerOf(`${head}.fc2`, C, D),
      ]),
      ...['attention_query', 'attention_key', 'attention_queue'].flatMap((attention) => [
        ...layerOf(`${attention}.qkv`, 3 * C, C),
        ...layerOf(`${attention}.proj`, C, C),
      ]),
    ]),
  }
}
