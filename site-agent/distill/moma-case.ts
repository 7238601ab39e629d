/**
 * @file Runs a reference case of kind `moma-step` through the same functions as training: one step after the backbones.
 *
 * tests/parity/README.md describes the cases. Names are those of the case's file without `input.`, `param.` and `expect.`.
 */
import * as tf from '@tensorflow/tfjs-core'
import { enqueue, scoped } from '@tessera/shared/engine'
import type { CaseTensor } from '@tessera/shared/model/network'
import { batchAttentionOf } from './batch-attention.ts'
import { choiceAt, faulty, momaSettingsAt, numberAt, rootSection, wholeAt } from './case-config.ts'
import { caseTensor, classIndices, onEngine, pickExpected, type ReferenceCase } from './case-tensors.ts'
import { keyFeatures, type MomaSettings, momaLoss } from './moma-step.ts'
import { momentumUpdate } from './momentum-update.ts'
import { projectionHeadOf } from './projection-head.ts'

const HEAD_PARTS = ['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias']
const ATTENTION_PARTS = ['qkv.weight', 'qkv.bias', 'proj.weight', 'proj.bias']
const LEARNT = [
  ...HEAD_PARTS.map((part) => `student_head.${part}`),
  ...ATTENTION_PARTS.map((part) => `attention_query.${part}`),
]

interface MomaCaseSettings extends MomaSettings {
  readonly momentum: number
  /** Row at which the batch enters the queue. */
  readonly queueIndex: number
  readonly teacherTask: 'same' | 'different'
}

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
  const settings = readSettings(config)
  return scoped(() => {
    const tensors = new Map([...params].map(([name, tensor]) => [name, onEngine(`param.${name}`, tensor)]))
    const computed = pickExpected(expected, compute(settings, readInputs(inputs, settings), tensors))
    return new Map([...computed].map(([name, tensor]) => [name, tensor.dataSync<'float32'>()]))
  })
}

function readSettings(config: unknown): MomaCaseSettings {
  const root = rootSection(config)
  return {
    ...momaSettingsAt(root),
    momentum: numberAt(root, 'momentum', 0),
    queueIndex: wholeAt(root, 'queueIndex', 0),
    teacherTask: choiceAt(root, 'teacherTask', ['same', 'different']),
  }
}

function compute(
  settings: MomaCaseSettings,
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
    ...LEARNT.map((name): [string, tf.Tensor] => [name, caseTensor(params, 'param', name)]),
  ])
  const lossOf = (own: ReadonlyMap<string, tf.Tensor>): ReturnType<typeof momaLoss> =>
    momaLoss(
      {
        features: caseTensor(own, 'input', 'student_features') as tf.Tensor2D,
        logits: caseTensor(own, 'input', 'student_logits') as tf.Tensor2D,
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
  const { queueIndex } = settings
  const [K] = queue.shape
  return new Map<string, tf.Tensor>([
    ['loss.total', total],
    ['loss.ce', ce],
    ...(kl ? [['loss.kl', kl] as [string, tf.Tensor]] : []),
    ...(nce ? [['loss.nce', nce] as [string, tf.Tensor]] : []),
    ['query', query],
    ['key', key],
    ['logits', contrast],
    ['queue', enqueue(queue, entering, tf.scalar(queueIndex, 'int32'))],
    ['nextQueueIndex', tf.scalar((queueIndex + entering.shape[0]) % K)],
    ...teacherHead,
    ...names.map((name, i): [string, tf.Tensor] => [`grad.${name}`, gradients[i] as tf.Tensor]),
  ])
}

function readInputs(
  inputs: ReadonlyMap<string, CaseTensor>,
  { teacherTask, queueIndex }: MomaCaseSettings,
): Inputs {
  const labels = caseTensor(inputs, 'input', 'labels')
  const rows = labels.data.length
  const matrix = (name: string, height: number | null): tf.Tensor2D => {
    const tensor = caseTensor(inputs, 'input', name)
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
    labels: tf.tensor1d(classIndices(labels, studentLogits.shape[1]), 'int32'),
    queue,
  }
}
