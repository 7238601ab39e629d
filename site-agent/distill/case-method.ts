/** @file The method of a reference case of whole training steps, with the case's tensors in the place of a study's. */
import { attentionTensors, featureWidth, headTensors, type Layout, type Weights } from '@tessera/shared/model'
import type { CaseTensor, Network } from '@tessera/shared/model/network'
import { choiceAt, momaSettingsAt, numberAt, positiveAt, type Section, sectionAt } from './case-config.ts'
import { caseTensor } from './case-tensors.ts'
import { createCe } from './methods/ce.ts'
import { createKd } from './methods/kd.ts'
import type { Method } from './methods/method.ts'
import { createMoma } from './methods/moma.ts'
import { filledQueue, fixedAttentions, teacherHead } from './methods/moma-parts.ts'
import { networkTeacher, STILL } from './teacher.ts'
import { withoutPrefix } from './tensor-map.ts'

export interface CaseMethod {
  readonly method: Method
  /** Of the student, with what is learnt beside its backbone. */
  readonly layout: Layout
}

export interface CaseValues {
  readonly inputs: ReadonlyMap<string, CaseTensor>
  /** Parameters by name. */
  readonly weights: Weights
}

/**
 * @param network Of student and teacher.
 * @throws {TesseraError} ERR_CASE_FILE if the case does not describe its method; ERR_LAYOUT_MISMATCH if a tensor is missing.
 */
export function caseMethod(root: Section, network: Network, values: CaseValues): CaseMethod {
  // Cases from before there were others do not say it.
  const name = 'method' in root.values ? choiceAt(root, 'method', ['ce', 'kd', 'moma']) : 'moma'
  if (name === 'moma') return momaOf(root, network, values)
  const { layout } = network
  if (name === 'ce') return { method: createCe(), layout }
  const section = sectionAt(root, 'kd')
  const weights = sectionAt(section, 'weights')
  const settings = {
    name,
    weights: { ce: numberAt(weights, 'ce', 0), kl: numberAt(weights, 'kl', 0) },
    klTemperature: positiveAt(section, 'klTemperature'),
  }
  const teacher = networkTeacher(network, teacherOf(network, values), STILL)
  return { method: createKd(settings, teacher), layout }
}

function momaOf(root: Section, network: Network, values: CaseValues): CaseMethod {
  const { inputs, weights } = values
  const section = sectionAt(root, 'moma')
  const settings = { ...momaSettingsAt(section), momentum: numberAt(section, 'momentum', 0) }
  const queue = caseTensor(inputs, 'input', 'queue')
  const [K = 0, featureDim = 0] = queue.shape
  const width = featureWidth(network.architecture)
  const method = createMoma(settings, {
    teacher: networkTeacher(network, teacherOf(network, values), {
      names: network.layout.tensors.flatMap(({ name, kind }) => (kind === 'trainable' ? [name] : [])),
      momentum: settings.momentum,
      gathersStatistics: true,
    }),
    head: teacherHead(width, featureDim, true, (head) => inOrder(head, weights)),
    attentions: fixedAttentions(featureDim, (fixed) => inOrder(fixed, weights)),
    queue: filledQueue(K, featureDim, queue.data),
    queueIndex: 0,
    global: null,
    usesLogits: choiceAt(root, 'teacherTask', ['same', 'different']) === 'same',
  })
  const beside = [
    ...headTensors('student_head', width, featureDim),
    ...attentionTensors('attention_query', featureDim),
  ]
  return { method, layout: { ...network.layout, tensors: [...network.layout.tensors, ...beside] } }
}

function teacherOf({ layout }: Network, { weights }: CaseValues): Weights {
  return inOrder(layout, withoutPrefix('teacher.', weights))
}

/** The layout's tensors in its order: a file has them in another. */
export function inOrder({ tensors }: Layout, weights: Weights): Weights {
  return new Map(tensors.map(({ name }) => [name, caseTensor(weights, 'param', name)]))
}
