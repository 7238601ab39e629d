/** @file The studies whose rounds are timed: no training, all else as in production. */
import { elementCount, type Layout, studentLayout } from '@tessera/shared/model'
import { type Study, study } from '@tessera/shared/protocol'

export type ModelName = 'small' | '21mb' | '250mb'

/**
 * `small` is the smallest student that a study can have: a ResNet-18 of 8 channels a layer, 6,378 numbers in 62 tensors, 26 KB. Peers get a hundred
 * numbers in one tensor, the least that says something of them: a study of ours has no such student, and one that only a benchmark could run would
 * not be ours. `21mb` is EfficientNet-B0 for ImageNet's classes, 5.33 million numbers in 311 tensors, 213 of them trainable; `250mb` a ResNet-50 of
 * 1.6 times the channels, 63 million in 267.
 */
const STUDENTS: Readonly<Record<ModelName, { student: object; classes: number }>> = {
  small: { student: { name: 'resnet-18', widthMultiplier: 0.01, depthMultiplier: 0.01 }, classes: 2 },
  '21mb': { student: { name: 'efficientnet-b0' }, classes: 1000 },
  '250mb': { student: { name: 'resnet-50', widthMultiplier: 1.6 }, classes: 1000 },
}

/** Every site, every round, for as many rounds as a study can have: the contest ends it. */
export function federationStudy(model: ModelName, sites: number): Study {
  const { student, classes } = STUDENTS[model]
  return study.parse({
    id: 'bench',
    seed: 'bench',
    classes: Array.from({ length: classes }, (_, i) => `class-${i}`),
    tile: { sizePx: 16 },
    student,
    method: { name: 'ce' },
    training: { rounds: 100_000 },
    federation: { minSites: sites, quorum: sites },
  })
}

/** Bytes of one delta. */
export function deltaBytes(model: ModelName): number {
  const { tensors } = studentLayout(federationStudy(model, 1))
  return 4 * tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0)
}

/**
 * Shapes of the same model for a peer.
 * @param inOneTensor Else a tensor each, of those that are trained: a user who sends the statistics too sends more.
 */
export function peerShapes(model: ModelName, inOneTensor: boolean): number[][] {
  if (model === 'small') return [[100]]
  const layout: Layout = studentLayout(federationStudy(model, 1))
  const trained = layout.tensors.filter(({ kind }) => kind === 'trainable')
  if (!inOneTensor) return trained.map(({ shape }) => [...shape])
  return [[layout.tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0)]]
}
