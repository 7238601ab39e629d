/**
 * @file Runs a reference case of kind `feature-maps`: the own term of a method on feature maps, and its gradients, as one step of the engine (on
 * back end tensorflow a recorded one).
 *
 * tests/parity/README.md describes the cases. Names are those of the case's file without `input.`, `param.` and `expect.`.
 */
import * as tf from '@tensorflow/tfjs-core'
import { createStepper, type StepFunction, type TensorMap, type Values } from '@tessera/shared/engine'
import {
  conventionsOf,
  elementCount,
  type Graph,
  graphLayout,
  IMAGES,
  withProjector,
} from '@tessera/shared/model'
import { type CaseTensor, forward, type Network } from '@tessera/shared/model/network'
import { choiceAt, faulty, positiveAt, rootSection, type Section } from './case-config.ts'
import { pickExpected, type ReferenceCase } from './case-tensors.ts'
import { givenMaps } from './map-teacher.ts'
import { attentionTransferLoss } from './methods/attention-transfer.ts'
import { hintLoss } from './methods/fitnet.ts'
import { semckdLoss } from './methods/semckd.ts'
import { vidLoss } from './methods/vid.ts'
import { squaredError } from './squared-error.ts'
import { tensorOf } from './tensor-map.ts'

const METHODS = ['fitnet', 'attention-transfer', 'vid', 'semckd', 'simkd'] as const
const GRADIENT = 'grad.'

/**
 * Computes the tensors of `expected`: `loss.total`, `grad.*`, and for `simkd` `features`, `logits` and `param.*`. The engine must be started.
 * @throws {TesseraError} ERR_CASE_FILE if the case does not describe maps, or wants what is not computed; ERR_LAYOUT_MISMATCH,
 * {TensorShapeError} if a tensor is missing or does not fit.
 */
export async function runMapCase(given: ReferenceCase): Promise<Map<string, Float32Array>> {
  const root = rootSection(given.config)
  const compute = computation(root)
  const state = new Map(
    [...given.inputs, ...given.params].map(([name, tensor]) => [name, valuesOf(name, tensor)]),
  )
  const learnt = given.expected.flatMap((name) =>
    name.startsWith(GRADIENT) ? [name.slice(GRADIENT.length)] : [],
  )
  const step: StepFunction = (tensors) => {
    let results: TensorMap = new Map()
    const lossOf = (...own: tf.Tensor[]): tf.Scalar => {
      results = compute(
        new Map([...tensors, ...learnt.map((name, i) => [name, own[i] as tf.Tensor] as const)]),
      )
      // A gradient frees all that its function does not return.
      for (const tensor of results.values()) tf.keep(tensor)
      return tensorOf(results, 'loss.total') as tf.Scalar
    }
    const at = learnt.map((name) => tensorOf(tensors, name))
    const gradients = at.length > 0 ? tf.grads(lossOf)(at) : []
    if (at.length === 0) lossOf()
    return {
      next: new Map(),
      outputs: new Map([
        ...results,
        ...learnt.map((name, i) => [`${GRADIENT}${name}`, gradients[i] as tf.Tensor] as const),
      ]),
    }
  }
  const stepper = createStepper(state, step)
  try {
    const outputs = await stepper.run(new Map())
    return pickExpected(given.expected, outputs as Map<string, Float32Array>)
  } finally {
    stepper.dispose()
  }
}

function computation(root: Section): (tensors: TensorMap) => TensorMap {
  const method = choiceAt(root, 'method', METHODS)
  switch (method) {
    case 'fitnet': {
      const relu = choiceAt(root, 'regressor', ['relu', 'plain']) === 'relu'
      return ofTerm(([student], [teacher], modules) => hintLoss(one(student), one(teacher), modules, relu))
    }
    case 'attention-transfer':
      return ofTerm(attentionTransferLoss)
    case 'vid':
      return ofTerm(vidLoss)
    case 'semckd': {
      const temperature = positiveAt(root, 'temperature')
      return ofTerm((student, teacher, modules) => semckdLoss(student, teacher, modules, temperature))
    }
    case 'simkd':
      break
  }
  return projected
}

type Term = (student: tf.Tensor4D[], teacher: tf.Tensor4D[], modules: TensorMap) => tf.Scalar

function ofTerm(term: Term): (tensors: TensorMap) => TensorMap {
  return (tensors) => {
    const loss = term(mapsOf(tensors, 'student'), mapsOf(tensors, 'teacher'), inEngineOrder(tensors))
    return new Map([['loss.total', loss]])
  }
}

/** SimKD's: the student's map goes in where a network has its images, and has as many channels. */
function projected(tensors: TensorMap): TensorMap {
  const [student, teacher] = (['student', 'teacher'] as const).map((side) =>
    one(mapsOf(tensors, side)[0]),
  ) as [tf.Tensor4D, tf.Tensor4D]
  const params = inEngineOrder(tensors)
  const hidden = tensorOf(params, 'projector.1.bias').size
  const [classes = 0, features = 0] = tensorOf(params, 'fc.weight').shape
  const conventions = conventionsOf(undefined)
  const graph: Graph = withProjector(
    {
      nodes: [
        { kind: 'global-average-pool', name: 'avgpool', input: IMAGES, channels: student.shape[3] },
        { kind: 'classifier', name: 'fc', input: 'avgpool', features: student.shape[3], classes },
      ],
      blocks: 0,
      stages: [],
      features: student.shape[3],
      classes,
      classifier: 'fc',
    },
    { hidden, features },
    conventions,
  )
  const architecture = { name: 'resnet-18', widthMultiplier: 1, depthMultiplier: 1 } as const
  const layout = graphLayout(architecture, graph)
  const network: Network = { architecture, classes, graph, layout, momentum: conventions.momentum }
  const {
    features: pooled,
    logits,
    statistics,
    maps,
  } = forward(network, new Map(params), student, { training: true, maps: true })
  return new Map<string, tf.Tensor>([
    ['loss.total', squaredError(givenMaps(maps).last, teacher)],
    ['features', pooled],
    ['logits', logits],
    ...[...statistics].map(([name, tensor]) => [`param.${name}`, tensor] as const),
  ])
}

/** Maps of a side, NHWC: `<side>.1`, `<side>.2` and so on. */
function mapsOf(tensors: TensorMap, side: 'student' | 'teacher'): tf.Tensor4D[] {
  const maps: tf.Tensor4D[] = []
  for (let stage = 1; tensors.has(`${side}.${stage}`); stage++) {
    maps.push(tf.transpose(tensorOf(tensors, `${side}.${stage}`) as tf.Tensor4D, [0, 2, 3, 1]))
  }
  return maps
}

function one(map: tf.Tensor4D | undefined): tf.Tensor4D {
  if (map) return map
  throw faulty('case must have tensors input.student.1 and input.teacher.1, got none')
}

/** Filters as the engine wants them. Within the step, so that their gradients come out in PyTorch's order. */
function inEngineOrder(tensors: TensorMap): TensorMap {
  return new Map(
    [...tensors].map(([name, tensor]) => [
      name,
      tensor.rank === 4 && name.endsWith('.weight') ? tf.transpose(tensor, [2, 3, 1, 0]) : tensor,
    ]),
  )
}

function valuesOf(name: string, { shape, data }: CaseTensor): Values {
  if (data.length === elementCount(shape)) return { shape, values: data }
  throw faulty(`${name} must have ${elementCount(shape)} values, got ${data.length}`)
}
