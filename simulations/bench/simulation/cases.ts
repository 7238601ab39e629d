/** @file What the verb `simulation` measures: a model, a number of sites, and the study of its rounds. */
import { type Study, study } from '@tessera/shared/protocol'

/** Who takes part. */
export const SIMULATIONS = ['tessera', 'flower'] as const
export type SimulationName = (typeof SIMULATIONS)[number]

/**
 * `10k` is the smallest student that a study can have, with so many classes that it has about 10,000 numbers; `5m` is EfficientNet-B0 for ImageNet's
 * classes, 5.33 million.
 */
const STUDENTS = {
  '10k': { student: { name: 'resnet-18', widthMultiplier: 0.01, depthMultiplier: 0.01 }, classes: 404 },
  '5m': { student: { name: 'efficientnet-b0' }, classes: 1000 },
} as const
export const SIMULATED = Object.keys(STUDENTS) as SimulatedModel[]
export type SimulatedModel = keyof typeof STUDENTS

/** Every site in every round, nothing trained. */
export function simulationStudy(model: SimulatedModel, sites: number, rounds: number): Study {
  const { student, classes } = STUDENTS[model]
  return study.parse({
    id: 'bench',
    seed: 'bench',
    classes: Array.from({ length: classes }, (_, i) => `class-${i}`),
    tile: { sizePx: 16 },
    student,
    method: { name: 'ce' },
    training: { rounds },
    federation: { minSites: sites, quorum: sites },
  })
}
