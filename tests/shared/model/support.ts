import { type Architecture, conventionsOf } from '@tessera/shared/model'
import { type Study, type StudyInput, study } from '@tessera/shared/protocol'
import { type Plan, planEfficientNet } from '../../../shared/model/efficientnet.ts'

export const b0 = { name: 'efficientnet-b0', widthMultiplier: 1, depthMultiplier: 1 } as const
/** The smallest member of the family: one layer a stage, 8 channels in most of them. */
export const tiny = { name: 'efficientnet-b0', widthMultiplier: 0.1, depthMultiplier: 0.1 } as const

/** The blocks of an EfficientNet under the conventions of its flavour. */
export function plan(architecture: Architecture & { readonly name: 'efficientnet-b0' }): Plan {
  return planEfficientNet(architecture, conventionsOf(architecture.flavour))
}

/** A MoMA study with a tiny student and a teacher of the same architecture, three classes, feature width 16. */
export function momaStudy(changes: Partial<StudyInput> = {}): Study {
  return study.parse({
    id: 'tiles',
    seed: 'seed of the study',
    classes: ['benign', 'low', 'high'],
    tile: { sizePx: 32 },
    student: { ...tiny, initial: 'teacher' },
    teacher: { ...tiny, sha256: 'a'.repeat(64), task: 'same', classes: 3 },
    method: { name: 'moma', featureDim: 16, heads: 4 },
    training: { rounds: 2 },
    ...changes,
  })
}
