/** @file The files of weights that an experiment's networks begin with: what they are, and what the experiment is with their networks. */
import { readStart, type StartFile } from '../runner/start.ts'
import type { ReadExperiment } from './read.ts'
import type { Experiment } from './schema.ts'

export interface Starts {
  readonly student: StartFile | null
  readonly teacher: StartFile | null
}

/**
 * Reads the files, and fills their networks in; what the experiment says beside them, as of dropout or a flavour, stays.
 * @throws {TesseraError} ERR_MODEL_FILE, ERR_LAYOUT_MISMATCH
 */
export async function readStarts({
  experiment,
  startFiles = {},
}: Pick<ReadExperiment, 'experiment' | 'startFiles'>): Promise<{ experiment: Experiment; starts: Starts }> {
  const { student, teacher } = experiment
  const starts = {
    student: startFiles.student === undefined ? null : await readStart(startFiles.student, 'student.start'),
    teacher:
      startFiles.teacher === undefined ? null : await readStart(startFiles.teacher, 'teacher.network.start'),
  }
  return {
    starts,
    experiment: {
      ...experiment,
      student: { ...starts.student?.architecture, ...student },
      ...(teacher && {
        teacher: { ...teacher, network: { ...starts.teacher?.architecture, ...teacher.network } },
      }),
    },
  }
}
