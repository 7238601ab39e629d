/** @file All that a training step starts from, as one safetensors file: so that another implementation can do the same step. */
import {
  attentionTensors,
  encodeSafetensors,
  featureWidth,
  headTensors,
  initialWeights,
  type Layout,
  studentLayout,
  type TensorSpec,
  teacherLayout,
} from '@tessera/shared/model'
import type { MomaMethod, Study } from '@tessera/shared/protocol'
import type { TileBatch } from '@tessera/site-agent/distill'
import { benchWeights } from './bench-study.ts'

/**
 * Gives the file. Names: `student.*`, `teacher.*`, `student_head.*`, `teacher_head.*`, `attention_{query,key,queue}.*`, `queue` [K, C],
 * `images` [B, 3, S, S], `labels` [B].
 * @param queue Of a trainer that has not trained yet.
 */
export function encodeStart(
  study: Study,
  method: MomaMethod,
  queue: Float32Array,
  batch: TileBatch,
): Uint8Array {
  const { featureDim, queueSize } = method
  const { student, teacher } = benchWeights(study)
  // What each site draws for itself, alike at all of them: site-agent/distill/methods/moma-parts.ts.
  const own: Layout = {
    architecture: 'of a site',
    tensors: [
      ...headTensors('teacher_head', featureWidth(study.student), featureDim),
      ...attentionTensors('attention_key', featureDim),
      ...attentionTensors('attention_queue', featureDim),
    ],
  }
  const side = study.tile.sizePx
  const tensors: [TensorSpec, Float32Array][] = [
    ...entries(studentLayout(study), student, (name) =>
      /^(student_head|attention_query)\./.test(name) ? name : `student.${name}`,
    ),
    ...entries(teacherLayout(study), teacher, (name) => `teacher.${name}`),
    ...entries(own, initialWeights(own, `${study.seed}/site`), (name) => name),
    [{ name: 'queue', shape: [queueSize, featureDim], kind: 'trainable' }, queue],
    [
      { name: 'images', shape: [batch.size, 3, side, side], kind: 'trainable' },
      channelsFirst(batch.images, side),
    ],
    [{ name: 'labels', shape: [batch.size], kind: 'trainable' }, Float32Array.from(batch.labels)],
  ]
  return encodeSafetensors(
    { architecture: 'start of a step', tensors: tensors.map(([spec]) => spec) },
    new Map(tensors.map(([{ name }, values]) => [name, values])),
  )
}

function entries(
  { tensors }: Layout,
  weights: ReadonlyMap<string, Float32Array>,
  rename: (name: string) => string,
): [TensorSpec, Float32Array][] {
  return tensors.map((spec) => [
    { ...spec, name: rename(spec.name) },
    weights.get(spec.name) ?? new Float32Array(),
  ])
}

/** [B, S, S, 3] as [B, 3, S, S]. */
function channelsFirst(images: Float32Array, side: number): Float32Array {
  const pixels = side * side
  const out = new Float32Array(images.length)
  for (let i = 0; i < images.length; i++) {
    const [channel, pixel] = [i % 3, Math.floor(i / 3)]
    out[(Math.floor(pixel / pixels) * 3 + channel) * pixels + (pixel % pixels)] = images[i] ?? 0
  }
  return out
}
