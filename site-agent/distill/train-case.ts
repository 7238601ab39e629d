/**
 * @file Runs a reference case of kind `train-steps` through the trainer's own step: backbones, teacher, loss, SGD, queue, several steps in a row.
 *
 * tests/parity/README.md describes the cases. Names are those of the case's file without `input.`, `param.` and `expect.`.
 */
import { elementCount } from '@tessera/shared/model'
import { type CaseTensor, createNetwork } from '@tessera/shared/model/network'
import { createRandom } from '@tessera/shared/random'
import {
  choiceAt,
  faulty,
  numberAt,
  positiveAt,
  rootSection,
  type Section,
  sectionAt,
  wholeAt,
} from './case-config.ts'
import { caseMethod, inOrder } from './case-method.ts'
import { caseTensor, classIndices, pickExpected, type ReferenceCase } from './case-tensors.ts'
import { learningRateAt } from './learning-rate.ts'
import type { StepMetrics } from './round-metrics.ts'
import { withoutPrefix, withPrefix } from './tensor-map.ts'
import { startTraining } from './training.ts'

/**
 * Computes the tensors of `expected` after the last step: `student.*`, `velocity.*`, `teacher.*`, `teacher_head.*`, `queue`,
 * `queueIndex`; and per step `loss.total`, `loss.ce`, `loss.kl`, `loss.nce`. The engine must be started.
 * @throws {TesseraError} ERR_CASE_FILE if the case does not describe training, or wants what it does not compute;
 * ERR_LAYOUT_MISMATCH, {TensorShapeError} if a tensor is missing or does not fit.
 */
export async function runTrainCase(given: ReferenceCase): Promise<Map<string, Float32Array>> {
  return pickExpected(given.expected, await train(given))
}

async function train({ config, inputs, params }: ReferenceCase): Promise<Map<string, Float32Array>> {
  const root = rootSection(config)
  const images = caseTensor(inputs, 'input', 'images')
  const [steps = 0, B = 0, channels = 0, sizePx = 0, columns = 0] = images.shape
  const weights = new Map([...params].map(([name, { data }]) => [name, data]))
  const classes = caseTensor(params, 'param', 'student.classifier.1.bias').data.length
  const labels = classIndices(caseTensor(inputs, 'input', 'labels'), classes)
  const square = channels === 3 && sizePx === columns
  if (images.shape.length !== 5 || steps === 0 || labels.length !== steps * B || !square) {
    throw faulty(`input.images must have shape [steps, B, 3, S, S], got [${images.shape.join(', ')}]`)
  }
  const sgd = stepSettings(root, steps)

  const network = createNetwork(architectureAt(root), classes)
  const { method, layout } = caseMethod(root, network, { inputs, weights })
  const learnt = layout.tensors.filter(({ kind }) => kind === 'trainable')
  const training = startTraining({
    network,
    layout,
    method,
    ...sgd,
    proximal: 0,
    contrast: null,
    previous: null,
    noise: { dropout: 0, stochasticDepth: 0 },
    student: inOrder(layout, withoutPrefix('student.', weights)),
    velocities: new Map(learnt.map(({ name, shape }) => [name, new Float32Array(elementCount(shape))])),
  })
  try {
    const metrics: StepMetrics[] = []
    for (const [step, learningRate] of sgd.learningRates.entries()) {
      const batch = {
        images: imagesOf(images, step),
        labels: labels.slice(step * B, (step + 1) * B),
        indices: Int32Array.from({ length: B }, (_, i) => step * B + i),
        size: B,
      }
      metrics.push(await training.step(batch, sizePx, learningRate, createRandom('no chance in a case')))
    }
    const { tensors, counters } = await training.state()
    return new Map([
      ...lossesOf(metrics),
      ...withPrefix('student.', await training.student()),
      ...tensors,
      ...Object.entries(counters).map(([name, value]): [string, Float32Array] => [
        name,
        Float32Array.of(value),
      ]),
    ])
  } finally {
    training.dispose()
  }
}

/** Momentum and decay, and the learning rate of each step. */
function stepSettings(
  root: Section,
  steps: number,
): { learningRates: number[]; momentum: number; weightDecay: number } {
  const training = sectionAt(root, 'training')
  const schedule = {
    schedule: choiceAt(training, 'schedule', ['cosine', 'constant']),
    learningRate: positiveAt(training, 'learningRate'),
    stepEpochs: [],
  }
  const epochs = wholeAt(root, 'epochs', 1)
  const { epochOfStep } = root.values
  if (!Array.isArray(epochOfStep) || epochOfStep.length !== steps) {
    throw faulty(`config.epochOfStep must have ${steps} epochs, got another number`)
  }
  const momentum = numberAt(training, 'momentum', 0)
  const weightDecay = numberAt(training, 'weightDecay', 0)
  const learningRates = epochOfStep.map((epoch: unknown) => {
    const checked = wholeAt({ path: 'config.epochOfStep', values: { epoch } }, 'epoch', 1)
    return learningRateAt(schedule, checked, epochs)
  })
  return { learningRates, momentum, weightDecay }
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

/** Images of a step, NHWC. */
function imagesOf({ shape, data }: CaseTensor, step: number): Float32Array {
  const [, B = 0, channels = 0, height = 0, width = 0] = shape
  const area = height * width
  const images = new Float32Array(B * area * channels)
  const start = step * images.length
  for (let i = 0; i < images.length; i++) {
    const [pixel, channel] = [Math.floor(i / channels), i % channels]
    const [image, place] = [Math.floor(pixel / area), pixel % area]
    images[i] = data[start + (image * channels + channel) * area + place] ?? 0
  }
  return images
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
