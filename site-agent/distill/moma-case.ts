/**
 * @file Runs a reference case of kind `moma-step` through the same functions as training: one step after the backbones.
 *
 * tests/parity/README.md describes the cases. Names are those of the case's file without `input.`, `param.` and `expect.`.
 */
import * as tf from '@tensorflow/tfjs-core'
import { TesseraError } from '@tessera/shared/errors'
import type { CaseTensor, ForwardCase } from '@tessera/shared/model/network'
import { batchAttentionOf } from './batch-attention.ts'
import { enqueue } from './feature-queue.ts'
import { type MomaCaseConfig, readMomaCaseConfig } from './moma-case-config.ts'
import { keyFeatures, momaLoss } from './moma-step.ts'
import { momentumUpdate } from './momentum-update.ts'
import { projectionHeadOf } from './projection-head.ts'
import { scoped } from './tensor-map.ts'

const HEAD_PARTS = ['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias']
const ATTENTION_PARTS = ['qkv.weight', 'qkv.bias', 'proj.weight', 'proj.bias']
const LEARNT = [
  ...HEAD_PARTS.map((part) => `student_head.${part}`),
  ...ATTENTION_PARTS.map((part) => `attention_query.${part}`),
]

/** A case of either kind: what is given, and the names of what to compute. */
export type ReferenceCase = ForwardCase

/** The inputs of a case, their shapes checked. */
interface Inputs {
  readonly studentFeatures: tf.Tensor2D
  readonly studentLogits: tf.Tensor2D
  readonly teacherFeatures: tf.Tensor2D
  readonly teacherLogits: tf.Tensor2D | null
  readonly labels: tf.Tensor1D
  readonly queue: tf.Tensor2D
}

/**
 * Computes the tensors of `expected`: `loss.*`, `query`, `key`, `logits`, `queue`, `nextQueueIndex`, `teacher_head.*`, `grad.*`. The
 * engine must be started.
 * @throws {TesseraError} ERR_CASE_FILE if the case does not describe a step, or wants what none computes; {TensorShapeError} if a
 * tensor does not fit.
 */
export function runMomaCase({ config, inputs, params, expected }: ReferenceCase): Map<string, Float32Array> {
  const settings = readMomaCaseConfig(config)
  return scoped(() => {
    const tensors = new Map([...params].map(([name, tensor]) => [name, onEngine(`param.${name}`, tensor)]))
    const computed = compute(settings, readInputs(inputs, settings), tensors)
    return new Map(
      expected.map((name) => {
        const tensor = computed.get(name)
        if (!tensor)
          throw faulty(
            `case must expect what a step computes (${[...computed.keys()].join(', ')}), got ${name}`,
          )
        return [name, tensor.dataSync<'float32'>()]
      }),
    )
  })
}

function compute(
  settings: MomaCaseConfig,
  inputs: Inputs,
  params: ReadonlyMap<string, tf.Tensor>,
): Map<string, tf.Tensor> {
  const { labels, teacherLogits, queue } = inputs
  const pairs = HEAD_PARTS.map((part) => ({
    teacher: `teacher_head.${part}`,
    student: `student_head.${part}`,
  }))
  const teacherHead = momentumUpdate(params, params, pairs, settings.momentum)
  const keySide = {
    head: projectionHeadOf(teacherHead, 'teacher_head'),
    attentionKey: batchAttentionOf(params, 'attention_key'),
    attentionQueue: batchAttentionOf(params, 'attention_queue'),
  }
  const { key, entering } = keyFeatures(inputs.teacherFeatures, keySide, settings.heads)

  const learnt = new Map<string, tf.Tensor>([
    ['student_features', inputs.studentFeatures],
    ['student_logits', inputs.studentLogits],
    ...LEARNT.map((name): [string, tf.Tensor] => [name, tensorIn(params, 'param', name)]),
  ])
  const lossOf = (own: ReadonlyMap<string, tf.Tensor>): ReturnType<typeof momaLoss> =>
    momaLoss(
      {
        features: tensorIn(own, 'input', 'student_features') as tf.Tensor2D,
        logits: tensorIn(own, 'input', 'student_logits') as tf.Tensor2D,
        head: projectionHeadOf(own, 'student_head'),
        attention: batchAttentionOf(own, 'attention_query'),
      },
      { labels, teacherLogits, key, queue },
      settings,
    )
  const names = [...learnt.keys()]
  const gradients = tf.grads(
    (...xs: tf.Tensor[]) => lossOf(new Map(names.map((name, i) => [name, xs[i] as tf.Tensor]))).total,
  )([...learnt.values()])
  // Once more without a gradient, which frees all but the total: cases are small.
  const { total, ce, kl, nce, query, contrast } = lossOf(learnt)
  const moved = enqueue(queue, entering, settings.queueIndex)
  return new Map<string, tf.Tensor>([
    ['loss.total', total],
    ['loss.ce', ce],
    ...(kl ? [['loss.kl', kl] as [string, tf.Tensor]] : []),
    ...(nce ? [['loss.nce', nce] as [string, tf.Tensor]] : []),
    ['query', query],
    ['key', key],
    ['logits', contrast],
    ['queue', moved.queue],
    ['nextQueueIndex', tf.scalar(moved.nextIndex)],
    ...teacherHead,
    ...names.map((name, i): [string, tf.Tensor] => [`grad.${name}`, gradients[i] as tf.Tensor]),
  ])
}

function readInputs(
  inputs: ReadonlyMap<string, CaseTensor>,
  { teacherTask, queueIndex }: MomaCaseConfig,
): Inputs {
  const rows = tensorIn(inputs, 'input', 'labels').data.length
  const matrix = (name: string, height: number | null): tf.Tensor2D => {
    const tensor = tensorIn(inputs, 'input', name)
    const [first = 0, second = 0] = tensor.shape
    if (tensor.shape.length !== 2 || first !== (height ?? first) || first === 0 || second === 0) {
      throw faulty(
        `input.${name} must have shape [${height ?? 'K'}, columns], got [${tensor.shape.join(', ')}]`,
      )
    }
    return onEngine(`input.${name}`, tensor) as tf.Tensor2D
  }
  const studentLogits = matrix('student_logits', rows)
  const queue = matrix('queue', null)
  if (queueIndex >= queue.shape[0]) {
    throw faulty(`config.queueIndex must be below ${queue.shape[0]}, got ${queueIndex}`)
  }
  return {
    studentFeatures: matrix('student_features', rows),
    studentLogits,
    teacherFeatures: matrix('teacher_features', rows),
    teacherLogits: teacherTask === 'same' ? matrix('teacher_logits', rows) : null,
    labels: readLabels(tensorIn(inputs, 'input', 'labels'), studentLogits.shape[1]),
    queue,
  }
}

/** A label outside the classes would silently count as none. */
function readLabels({ data }: CaseTensor, classes: number): tf.Tensor1D {
  const outside = data.find((label) => !(Number.isInteger(label) && label >= 0 && label < classes))
  if (outside !== undefined)
    throw faulty(`input.labels must be whole numbers in [0, ${classes}), got ${outside}`)
  return tf.tensor1d(Int32Array.from(data), 'int32')
}

function onEngine(role: string, { shape, data }: CaseTensor): tf.Tensor {
  const elements = shape.reduce((product, size) => product * size, 1)
  if (data.length !== elements) throw faulty(`${role} must have ${elements} values, got ${data.length}`)
  return tf.tensor(data, [...shape], 'float32')
}

function tensorIn<T>(tensors: ReadonlyMap<string, T>, group: string, name: string): T {
  const tensor = tensors.get(name)
  if (!tensor) throw faulty(`case must have tensor ${group}.${name}, got none`)
  return tensor
}

function faulty(message: string): TesseraError {
  return new TesseraError('ERR_CASE_FILE', message)
}
