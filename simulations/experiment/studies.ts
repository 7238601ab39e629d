/** @file The study of each cell. All cells of a seed have one study seed, so all start from the same student and see their tiles in the same order. */
import { type Study, study } from '@tessera/shared/protocol'
import { sameTask } from '../runner/studies.ts'
import type { Cell } from './cells.ts'
import type { Experiment } from './schema.ts'

/** What a study says about its teacher. */
export interface TeacherOfCell {
  readonly sha256: string
  readonly classes: readonly string[]
}

/** On one machine nobody is away for a day; an hour, should the machine be asleep. */
const DEADLINE_MS = 3600 * 1000
/** A small network from scratch moves 20 to 70 in its first round, and more at a higher rate: the default bound of 100 is too near. */
const MAX_NORM = 1000

/** The teacher learns its own tiles with plain cross-entropy. */
export function teacherStudy(
  { data, teacher, training }: Experiment,
  classes: readonly string[],
  seed: string,
): Study {
  return study.parse({
    id: 'teacher',
    seed: `${seed}/teacher`,
    classes: [...classes],
    tile: { sizePx: data.tilePx },
    student: beginning(teacher?.network ?? {}),
    method: { name: 'ce' },
    training: {
      ...training,
      rounds: teacher?.epochs ?? 1,
      epochsPerRound: 1,
      learningRate: teacher?.learningRate ?? training.learningRate,
    },
  })
}

/** What a study says of its teacher's network: how it was regularised when it learnt is past. */
function shapeOf({
  name = 'efficientnet-b0',
  widthMultiplier,
  depthMultiplier,
  flavour,
}: Experiment['student']): object {
  return { name, widthMultiplier, depthMultiplier, flavour }
}

/** What is trained, from its file or by chance. */
function beginning({ start, ...network }: Experiment['student']): object {
  return { ...network, initial: start === undefined ? 'seed' : 'file' }
}

/** @param sites Of the cell's deal; a round waits for all of them unless the experiment says otherwise. */
export function cellStudy(
  experiment: Experiment,
  cell: Cell,
  classes: readonly string[],
  sites: number,
  teacher: TeacherOfCell | null,
): Study {
  const { data, student, methods, training, federation, judging } = experiment
  const { scenario, variant, method } = cell
  return study.parse({
    id: 'cell',
    seed: variant.seed,
    classes: [...classes],
    tile: { sizePx: data.tilePx },
    student: beginning(student),
    ...(teacher !== null && {
      teacher: {
        ...shapeOf(experiment.teacher?.network ?? {}),
        sha256: teacher.sha256,
        task: sameTask(classes, teacher.classes) ? 'same' : 'different',
        classes: teacher.classes.length,
        momentum: experiment.teacher?.momentum,
      },
    }),
    method: methods[method ?? ''] ?? { name: 'ce' },
    training: { ...training, ...scenario.training },
    ...(cell.kind === 'federated' && judging && { judging: { ...judging, part: 'test' } }),
    federation: {
      minSites: sites,
      quorum: sites,
      deadlineMs: DEADLINE_MS,
      maxNorm: MAX_NORM,
      ...federation,
      ...scenario.federation,
    },
  })
}
