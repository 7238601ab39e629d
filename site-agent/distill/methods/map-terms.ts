/** @file The own term of each method on feature maps, as a study has it. Adding one: its file, its schema in shared/protocol/map-methods.ts, a line here. */
import { type Architecture, describeNetwork, elementCount, studentArchitecture } from '@tessera/shared/model'
import { isMapMethod, type MapMethod, type Study } from '@tessera/shared/protocol'
import { attentionTransfer } from './attention-transfer.ts'
import { fitnet } from './fitnet.ts'
import type { MapTerm } from './map-method.ts'
import { semckd } from './semckd.ts'
import { simkd } from './simkd.ts'
import { vid } from './vid.ts'

export function mapTermOf(study: Study, method: MapMethod, teacher: Architecture): MapTerm {
  const widthsOf = (architecture: Architecture): number[] =>
    describeNetwork(architecture, 1).stages.map(({ channels }) => channels)
  const widths = { student: widthsOf(studentArchitecture(study)), teacher: widthsOf(teacher) }
  switch (method.name) {
    case 'fitnet':
      return fitnet(method, widths)
    case 'attention-transfer':
      return attentionTransfer(method)
    case 'vid':
      return vid(method, widths)
    case 'semckd':
      return semckd(method, widths, study.training.batchSize)
    case 'simkd':
      break
  }
  return simkd(method)
}

/** How many numbers a study's sites train beside the student and keep for themselves. */
export function moduleNumbers(study: Study): number {
  const { method, teacher } = study
  if (!isMapMethod(method) || !teacher || teacher.name === 'onnx') return 0
  const { modules } = mapTermOf(study, method, teacher)
  return modules.reduce((sum, { spec }) => sum + elementCount(spec.shape), 0)
}
