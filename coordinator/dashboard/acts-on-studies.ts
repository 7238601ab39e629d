/** @file What an operator does about studies on the page. */
import { rename, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import type { Clock } from '@tessera/shared/clock'
import type { CreatedStudy, Exported } from '@tessera/shared/dashboard/coordinator-api'
import { TesseraError } from '@tessera/shared/errors'
import { NAMINGS } from '@tessera/shared/model'
import { z } from 'zod'
import { closeRound, EXPORT_FORMATS, tellStudy } from '../studies/index.ts'
import type { AddAct } from './acting.ts'
import { UPLOADED } from './files.ts'
import type { Jobs } from './heavy/run-job.ts'
import type { KeptFolders } from './kept-folders.ts'
import type { Memory } from './memory.ts'
import type { Verifications } from './verifications.ts'

/** An uploaded file that is to be read as ONNX: the reader goes by the name. */
const AS_ONNX = 'model.onnx'

const nothing = z.strictObject({})
const id = z.string().min(1).max(64)
const threeNumbers = z.tuple([z.number(), z.number(), z.number()])
/** A study is checked by its own schema, where the command line's is. */
const newStudy = z.strictObject({
  study: z.unknown(),
  teacher: id.optional(),
  student: id.optional(),
  onnx: z
    .strictObject({
      inputSize: z.int().positive().max(100_000).optional(),
      layout: z.enum(['nchw', 'nhwc']).optional(),
      mean: threeNumbers.optional(),
      std: threeNumbers.optional(),
      features: z.string().max(256).optional(),
      pool: z.enum(['first', 'mean']).optional(),
      logits: z.string().max(256).optional(),
    })
    .optional(),
})
const exportRequest = z.strictObject({
  round: z.int().positive().optional(),
  best: z.boolean().optional(),
  format: z.enum(EXPORT_FORMATS).optional(),
  naming: z.enum(NAMINGS).optional(),
})

export interface StudyActs {
  readonly dir: string
  readonly memory: Memory
  readonly uploads: KeptFolders
  readonly exports: KeptFolders
  readonly jobs: Jobs
  readonly verifications: Verifications
  readonly clock: Clock
}

/** Mounts them. */
export function addActsOnStudies(add: AddAct, acts: StudyActs): void {
  const { dir, memory, exports, jobs, verifications, clock } = acts
  for (const word of ['pause', 'resume', 'cancel'] as const) {
    add(`studies/:study/${word}`, nothing, async (_, { study }) => {
      await tellStudy({ dir, study, clock }, word)
      return {}
    })
  }
  add('studies/:study/close-round', nothing, async (_, { study }) => closeRound({ dir, study, clock }))
  add('studies/:study/verify', nothing, async (_, { study }) => {
    if (memory.study(study) === undefined)
      throw new TesseraError('ERR_STUDY_UNKNOWN', `study must exist, got ${study}`)
    verifications.begin(study)
    return {}
  })
  add('studies/:study/export', exportRequest, async (request, { study }): Promise<Exported> => {
    const { id, made } = await exports.make(async (folder) => {
      const { files, round } = await jobs.run('export', { dir, study, out: folder, ...request })
      return { round, files: await listed(folder, files) }
    })
    return { export: id, ...made }
  })
  add('studies', newStudy, (request) => create(request, acts))
}

async function create(
  { study, teacher, student, onnx }: z.infer<typeof newStudy>,
  { dir, uploads, jobs }: StudyActs,
): Promise<CreatedStudy> {
  const { inputSize: sizePx, std: deviation, layout, mean, features, pool, logits } = onnx ?? {}
  const made = await jobs.run('create', {
    dir,
    study,
    teacherFile: teacher && (await uploaded(uploads, teacher, onnx === undefined ? UPLOADED : AS_ONNX)),
    studentFile: student && (await uploaded(uploads, student, UPLOADED)),
    onnx: { sizePx, layout, mean, deviation, features, pool, logits },
  })
  for (const used of [teacher, student]) if (used !== undefined) await uploads.drop(used)
  return made
}

/** An uploaded file under the name by which its kind is known. @throws {TesseraError} ERR_UPLOAD_UNKNOWN */
async function uploaded(uploads: KeptFolders, id: string, as: string): Promise<string> {
  const folder = uploads.find(id)
  if (folder === null) {
    throw new TesseraError('ERR_UPLOAD_UNKNOWN', 'file must have been uploaded within the hour, got another')
  }
  // It may have this name already, or the other one after a refusal.
  const other = as === UPLOADED ? AS_ONNX : UPLOADED
  await rename(join(folder, other), join(folder, as)).catch(() => undefined)
  return join(folder, as)
}

async function listed(folder: string, files: readonly string[]): Promise<Exported['files']> {
  return Promise.all(
    files.map(async (file) => ({
      name: relative(folder, file).split(sep).join('/'),
      bytes: (await stat(file)).size,
    })),
  )
}
