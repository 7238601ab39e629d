/**
 * @file A teacher's training as a study of one site: a round an epoch, cross-entropy alone, no federation. So it is the site's own trainer that
 * trains it, with the same optimiser, schedules, augmentation and bits.
 */
import { TesseraError } from '@tessera/shared/errors'
import { type Study, type StudyInput, study as studySchema } from '@tessera/shared/protocol'

/** As the command line gives them; what is absent has a study's default. */
export interface TeacherSettings {
  readonly architecture: Omit<StudyInput['student'], 'initial'>
  readonly classes: readonly string[]
  readonly sizePx: number
  /** Gives the tiles the stain of the reference. */
  readonly stain?: 'macenko' | undefined
  readonly epochs: number
  readonly seed: string
  readonly training: Omit<StudyInput['training'], 'rounds' | 'epochsPerRound'>
  /** True: it begins with a file's weights. */
  readonly fromFile: boolean
}

/** @throws {TesseraError} ERR_USAGE naming each setting that is wrong. */
export function teacherStudy(settings: TeacherSettings): Study {
  const { architecture, classes, sizePx, stain, epochs, seed, training, fromFile } = settings
  const result = studySchema.safeParse({
    id: 'teacher',
    seed,
    classes: [...classes],
    tile: { sizePx, stain },
    student: { ...architecture, initial: fromFile ? 'file' : 'seed' },
    method: { name: 'ce' },
    training: { ...training, rounds: epochs, epochsPerRound: 1 },
    federation: { minSites: 1 },
  } satisfies StudyInput)
  if (result.success) {
    if (new Set(classes).size === classes.length) return result.data
    throw new TesseraError('ERR_USAGE', 'classes must all be different, got one twice')
  }
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw new TesseraError(
    'ERR_USAGE',
    `teacher must be described by settings that fit, got ${faults.join('; ')}`,
  )
}
