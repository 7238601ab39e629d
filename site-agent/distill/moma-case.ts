/**
 * @file Runs a reference case of kind `moma-step` through the same functions as training: one step after the backbones.
 *
 * The format is described in tests/parity/README.md.
 */
import * as tf from '@tensorflow/tfjs-core'
import { TesseraError } from '@tessera/shared/errors'
import { batchAttentionOf } from './batch-attention.ts'
import { enqueue } from './feature-queue.ts'
import { assertShape } from './linear.ts'
import { keyFeatures, type MomaSettings, momaLoss } from './moma-step.ts'
import { momentumUpdate } from './momentum-update.ts'
import { projectionHeadOf } from './projection-head.ts'
import type { NamedTensors } from './tensor-map.ts'

const HEAD_PARTS = ['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias']
const ATTENTION_PARTS = ['qkv.weight', 'qkv.bias', 'proj.weight', 'proj.bias']
/** Parameters whose gradients a case may expect, below `param.`. */
const LEARNT = [
  ...HEAD_PARTS.map((part) => `student_head.${part}`),
  ...ATTENTION_PARTS.map((part) => `attention_query.${part}`),
]
const SIDE_INPUTS = ['student_features', 'student_logits']

/** The settings of a case. */
export interface MomaCaseConfig extends MomaSettings {
  readonly momentum: number
  readonly queueIndex: number
  readonly teacherTask: 'same' | 'different'
}

/**
 * Computes every tensor that a case may expect, under its name without `expect.`.
 * @param config The case's `config`, parsed from JSON and not yet checked.
 * @param tensors `input.*` and `param.*`, on the engine; labels int32.
 * @throws {TesseraError} ERR_CASE_FILE if the configuration is wrong or a tensor is missing; {TensorShapeError} if one does not fit.
 */
export function runMomaCase(config: unknown, tensors: NamedTensors): Map<string, tf.Tensor> {
  const settings = readConfig(config)
  const outputs = tf.tidy(() => entriesOf(settings, tensors))
  return new Map(outputs)
}

function entriesOf(settings: MomaCaseConfig, tensors: NamedTensors): [string, tf.Tensor][] {
  const get = (name: string): tf.Tensor => {
    const tensor = tensors.get(name)
    if (!tensor) throw new TesseraError('ERR_CASE_FILE', `case must have ${name}, got none of that name`)
    return tensor
  }
  const labels = get('input.labels') as tf.Tensor1D
  const queue = get('input.queue') as tf.Tensor2D
  const teacherLogits = settings.teacherTask === 'same' ? (get('input.teacher_logits') as tf.Tensor2D) : null
  const B = labels.shape[0]
  assertShape('input.labels', labels, [B])
  for (const name of [...SIDE_INPUTS, 'teacher_features']) {
    assertShape(`input.${name}`, get(`input.${name}`), [B, get(`input.${name}`).shape[1] ?? 0])
  }
  assertShape('input.queue', queue, [queue.shape[0], queue.shape[1] ?? 0])
  assertIndices(labels, get('input.student_logits').shape[1] ?? 0)
  if (settings.queueIndex >= queue.shape[0]) {
    throw new TesseraError(
      'ERR_CASE_FILE',
      `queueIndex must be below ${queue.shape[0]}, got ${settings.queueIndex}`,
    )
  }

  const parameters = new Map(
    [...tensors]
      .filter(([name]) => name.startsWith('param.'))
      .map(([name, t]) => [name.slice('param.'.length), t]),
  )
  const pairs = HEAD_PARTS.map((part) => ({
    teacher: `teacher_head.${part}`,
    student: `student_head.${part}`,
  }))
  const teacherHead = momentumUpdate(parameters, parameters, pairs, settings.momentum)
  const keySide = {
    head: projectionHeadOf(teacherHead, 'teacher_head'),
    attentionKey: batchAttentionOf(parameters, 'attention_key'),
    attentionQueue: batchAttentionOf(parameters, 'attention_queue'),
  }
  const { key, entering } = keyFeatures(get('input.teacher_features') as tf.Tensor2D, keySide, settings.heads)

  const learnt = [
    ...SIDE_INPUTS.map((name) => [name, get(`input.${name}`)] as const),
    ...LEARNT.map((name) => [name, get(`param.${name}`)] as const),
  ]
  const kept: [string, tf.Tensor][] = []
  const loss = (...xs: tf.Tensor[]): tf.Scalar => {
    const [features, logits, ...rest] = xs
    const own = new Map(LEARNT.map((name, i) => [name, rest[i] as tf.Tensor]))
    const query = {
      features: features as tf.Tensor2D,
      logits: logits as tf.Tensor2D,
      head: projectionHeadOf(own, 'student_head'),
      attention: batchAttentionOf(own, 'attention_query'),
    }
    const parts = momaLoss(query, { labels, teacherLogits, key, queue }, settings)
    kept.push(
      ['loss.total', tf.keep(parts.total.clone())],
      ['loss.ce', tf.keep(parts.ce)],
      ['query', tf.keep(parts.query)],
      ['logits', tf.keep(parts.contrast)],
    )
    if (parts.kl) kept.push(['loss.kl', tf.keep(parts.kl)])
    if (parts.nce) kept.push(['loss.nce', tf.keep(parts.nce)])
    return parts.total
  }
  const gradients = tf.grads(loss)(learnt.map(([, tensor]) => tensor))

  const moved = enqueue(queue, entering, settings.queueIndex)
  return [
    ...kept,
    ['key', key],
    ['queue', moved.queue],
    ['nextQueueIndex', tf.scalar(moved.nextIndex)],
    ...teacherHead,
    ...learnt.map(([name], i): [string, tf.Tensor] => [`grad.${name}`, gradients[i] as tf.Tensor]),
  ]
}

/** Labels outside the classes would silently become rows of zeros. */
function assertIndices(labels: tf.Tensor1D, classes: number): void {
  const outside = labels.dataSync().find((label) => label < 0 || label >= classes)
  if (outside !== undefined) {
    throw new TesseraError('ERR_CASE_FILE', `input.labels must be in [0, ${classes}), got ${outside}`)
  }
}

function readConfig(config: unknown): MomaCaseConfig {
  const record = asRecord(config, 'config')
  const weights = asRecord(record.weights, 'config.weights')
  const { teacherTask } = record
  if (teacherTask !== 'same' && teacherTask !== 'different') {
    throw new TesseraError(
      'ERR_CASE_FILE',
      `config.teacherTask must be same or different, got ${String(teacherTask)}`,
    )
  }
  return {
    heads: count(record.heads, 'heads', 1),
    temperature: number(record.temperature, 'temperature', Number.MIN_VALUE),
    klTemperature: number(record.klTemperature, 'klTemperature', Number.MIN_VALUE),
    momentum: number(record.momentum, 'momentum', 0),
    weights: {
      ce: number(weights.ce, 'weights.ce', 0),
      kl: number(weights.kl, 'weights.kl', 0),
      nce: number(weights.nce, 'weights.nce', 0),
    },
    queueIndex: count(record.queueIndex, 'queueIndex', 0),
    teacherTask,
  }
}

function asRecord(value: unknown, role: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TesseraError(
      'ERR_CASE_FILE',
      `${role} must be an object, got ${Array.isArray(value) ? 'an array' : typeof value}`,
    )
  }
  return value as Record<string, unknown>
}

function number(value: unknown, role: string, least: number): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < least) {
    throw new TesseraError(
      'ERR_CASE_FILE',
      `config.${role} must be a number of at least ${least}, got ${String(value)}`,
    )
  }
  return value
}

function count(value: unknown, role: string, least: number): number {
  const whole = number(value, role, least)
  if (!Number.isSafeInteger(whole)) {
    throw new TesseraError('ERR_CASE_FILE', `config.${role} must be a whole number, got ${whole}`)
  }
  return whole
}
