/**
 * @file Runs a reference case of kind `train-steps` through the trainer's own step: backbones, momentum teacher, loss, SGD, queue,
 * several steps in a row.
 *
 * tests/parity/README.md describes the cases. Names are those of the case's file without `input.`, `param.` and `expect.`.
 */
import * as tf from '@tensorflow/tfjs-core'
import {
  attentionTensors,
  backboneLayout,
  elementCount,
  featureWidth,
  headTensors,
  type Layout,
  type Weights,
} from '@tessera/shared/model'
import { type CaseTensor, createNetwork, toParams } from '@tessera/shared/model/network'
import {
  choiceAt,
  faulty,
  momaSettingsAt,
  numberAt,
  positiveAt,
  rootSection,
  type Section,
  sectionAt,
  wholeAt,
} from './case-config.ts'
import { caseTensor, classIndices, onEngine, pickExpected, type ReferenceCase } from './case-tensors.ts'
import { learningRateAt } from './learning-rate.ts'
import { createMoma } from './methods/moma.ts'
import { fixedAttentions, teacherHead } from './methods/moma-parts.ts'
import type { StepMetrics } from './round-metrics.ts'
import { createTeacher } from './teacher.ts'
import { readWeights, scoped, withoutPrefix, withPrefix } from './tensor-map.ts'
import { trainStep } from './train-step.ts'

/**
 * Computes the tensors of `expected` after the last step: `student.*`, `velocity.*`, `teacher.*`, `teacher_head.*`, `queue`,
 * `queueIndex`; and per step `loss.total`, `loss.ce`, `loss.kl`, `loss.nce`. The engine must be started.
 * @throws {TesseraError} ERR_CASE_FILE if the case does not describe training, or wants what it does not compute;
 * ERR_LAYOUT_MISMATCH, {TensorShapeError} if a tensor is missing or does not fit.
 */
export function runTrainCase(given: ReferenceCase): Map<string, Float32Array> {
  return scoped(() => pickExpected(given.expected, train(given)))
}

function train({ config, inputs, params }: ReferenceCase): Map<string, Float32Array> {
  const root = rootSection(config)
  const settings = {
    ...momaSettingsAt(sectionAt(root, 'moma')),
    momentum: numberAt(sectionAt(root, 'moma'), 'momentum', 0),
  }
  const images = caseTensor(inputs, 'input', 'images')
  const [steps = 0, B = 0] = images.shape
  const weights = new Map([...params].map(([name, { data }]) => [name, data]))
  const classes = caseTensor(params, 'param', 'student.classifier.1.bias').data.length
  const labels = classIndices(caseTensor(inputs, 'input', 'labels'), classes)
  if (images.shape.length !== 5 || steps === 0 || labels.length !== steps * B) {
    throw faulty(`input.images must have shape [steps, B, 3, H, W], got [${images.shape.join(', ')}]`)
  }
  const sgd = stepSettings(root, steps)

  const network = createNetwork(architectureAt(root), classes)
  const queue = onEngine('input.queue', caseTensor(inputs, 'input', 'queue')) as tf.Tensor2D
  const featureDim = queue.shape[1] ?? 0
  const width = featureWidth(network.architecture)
  const layout = studentLayoutOf(backboneLayout(network.architecture, classes), width, featureDim)
  const learnt: Layout = { ...layout, tensors: layout.tensors.filter(({ kind }) => kind === 'trainable') }
  const atRest = new Map(
    learnt.tensors.map(({ name, shape }) => [name, new Float32Array(elementCount(shape))]),
  )
  const student = {
    weights: toParams(layout, inOrder(layout, withoutPrefix('student.', weights))),
    velocities: toParams(learnt, atRest),
  }
  const method = createMoma(settings, {
    teacher: createTeacher(network, inOrder(network.layout, withoutPrefix('teacher.', weights))),
    followed: network.layout.tensors.flatMap(({ name, kind }) => (kind === 'trainable' ? [name] : [])),
    head: teacherHead(width, featureDim, true, (head) => inOrder(head, weights)),
    attentions: fixedAttentions(featureDim, (fixed) => inOrder(fixed, weights)),
    queue,
    queueIndex: 0,
    usesLogits: choiceAt(root, 'teacherTask', ['same', 'different']) === 'same',
  })
  try {
    const metrics = sgd.map((stepSgd, step) =>
      scoped(() =>
        trainStep({
          network,
          method,
          student,
          batch: {
            images: imagesOf(images, step),
            labels: tf.tensor1d(labels.slice(step * B, (step + 1) * B), 'int32'),
          },
          noise: {},
          sgd: stepSgd,
        }),
      ),
    )
    const { tensors, counters } = method.state()
    return new Map([
      ...lossesOf(metrics),
      ...withPrefix('student.', readWeights(layout, student.weights)),
      ...withPrefix('velocity.', readWeights(learnt, student.velocities)),
      ...tensors,
      ...Object.entries(counters).map(([name, value]): [string, Float32Array] => [
        name,
        Float32Array.of(value),
      ]),
    ])
  } finally {
    method.dispose()
    tf.dispose([...student.weights.values(), ...student.velocities.values()])
  }
}

/** Learning rate, momentum and decay of each step. */
function stepSettings(
  root: Section,
  steps: number,
): { learningRate: number; momentum: number; weightDecay: number }[] {
  const training = sectionAt(root, 'training')
  const schedule = {
    schedule: choiceAt(training, 'schedule', ['cosine', 'constant']),
    learningRate: positiveAt(training, 'learningRate'),
  }
  const epochs = wholeAt(root, 'epochs', 1)
  const { epochOfStep } = root.values
  if (!Array.isArray(epochOfStep) || epochOfStep.length !== steps) {
    throw faulty(`config.epochOfStep must have ${steps} epochs, got another number`)
  }
  const momentum = numberAt(training, 'momentum', 0)
  const weightDecay = numberAt(training, 'weightDecay', 0)
  return epochOfStep.map((epoch: unknown) => {
    const checked = wholeAt({ path: 'config.epochOfStep', values: { epoch } }, 'epoch', 1)
    return { learningRate: learningRateAt(schedule, checked, epochs), momentum, weightDecay }
  })
}

function architectureAt(root: Section): Parameters<typeof createNetwork>[0] {
  const student = sectionAt(root, 'student')
  // 4 is the largest multiplier that a study may have.
  return {
    name: 'efficientnet-b0',
    widthMultiplier: positiveAt(student, 'widthMultiplier', 4),
    depthMultiplier: positiveAt(student, 'depthMultiplier', 4),
  }
}

function studentLayoutOf(backbone: Layout, width: number, featureDim: number): Layout {
  return {
    ...backbone,
    tensors: [
      ...backbone.tensors,
      ...headTensors('student_head', width, featureDim),
      ...attentionTensors('attention_query', featureDim),
    ],
  }
}

/** The layout's tensors in its order: a file has them in another. */
function inOrder({ tensors }: Layout, weights: Weights): Weights {
  return new Map(tensors.map(({ name }) => [name, caseTensor(weights, 'param', name)]))
}

function imagesOf({ shape, data }: CaseTensor, step: number): tf.Tensor4D {
  const [, ...batch] = shape
  const [B = 0, channels = 0, height = 0, width = 0] = batch
  const size = elementCount(batch)
  const images = tf.tensor4d(data.slice(step * size, (step + 1) * size), [B, channels, height, width])
  return tf.transpose(images, [0, 2, 3, 1])
}

function lossesOf(steps: readonly StepMetrics[]): [string, Float32Array][] {
  const part = (name: string, pick: (step: StepMetrics) => number | null): [string, Float32Array] => [
    `loss.${name}`,
    Float32Array.from(steps, (step) => pick(step) ?? 0),
  ]
  return [
    part('total', ({ loss }) => loss),
    part('ce', ({ ce }) => ce),
    part('kl', ({ kl }) => kl),
    part('nce', ({ nce }) => nce),
  ]
}
