import type { Architecture } from '@tessera/shared/model'
import { type Study, type StudyInput, study } from '@tessera/shared/protocol'

export const b0: Architecture = { name: 'efficientnet-b0', widthMultiplier: 1, depthMultiplier: 1 }
/** The smallest member of the family: one layer a stage, 8 channels in most of them. */
export const tiny: Architecture = { name: 'efficientnet-b0', widthMultiplier: 0.1, depthMultiplier: 0.1 }

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
