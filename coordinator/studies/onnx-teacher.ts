/** @file Describes an ONNX file as a study's teacher: what the operator's JSON and flags leave open is read from the file. */
import { describeOnnx, type OnnxHints, readOnnxModel } from '@tessera/shared/model/onnx'
import { sha256Hex } from '@tessera/shared/security'
import { z } from 'zod'

const channels = z.tuple([z.number(), z.number(), z.number()])
/** The parts of a teacher that decide what is read from the file; anything else is left to the study's schema. */
const written = z.looseObject({
  sha256: z.string().optional(),
  task: z.string().optional(),
  input: z
    .looseObject({
      sizePx: z.number().optional(),
      layout: z.enum(['nchw', 'nhwc']).optional(),
      mean: channels.optional(),
      deviation: channels.optional(),
    })
    .optional(),
  features: z
    .looseObject({ tensor: z.string().optional(), pool: z.enum(['none', 'mean', 'first']).optional() })
    .optional(),
  logits: z.looseObject({ tensor: z.string().optional() }).optional(),
})
const unfinished = z.looseObject({ classes: z.array(z.unknown()), teacher: written })

/** True when a teacher's file is to be read as ONNX: by its name, or because the study says so. */
export function isOnnxTeacher(file: string, study: unknown): boolean {
  const named = z.looseObject({ teacher: z.looseObject({ name: z.literal('onnx') }) }).safeParse(study)
  return named.success || file.toLowerCase().endsWith('.onnx')
}

/**
 * Gives the study with its teacher filled in. A study that is written wrongly comes back as it is: its schema says what is wrong.
 * @param study As a person writes it.
 * @param hints Of the command line; they go before the study's own.
 * @throws {TesseraError} ERR_ONNX_FILE, ERR_ONNX_UNCLEAR
 */
export function withOnnxTeacher(study: unknown, bytes: Uint8Array, hints: OnnxHints): unknown {
  const parsed = unfinished.safeParse(study)
  if (!parsed.success) return study
  const { teacher, classes } = parsed.data
  const { input, features, logits, ...rest } = teacher
  const described = describeOnnx(readOnnxModel(bytes), teacher.task === 'same' ? classes.length : null, {
    sizePx: hints.sizePx ?? input?.sizePx,
    layout: hints.layout ?? input?.layout,
    mean: hints.mean ?? input?.mean,
    deviation: hints.deviation ?? input?.deviation,
    features: hints.features ?? features?.tensor,
    pool: hints.pool ?? features?.pool,
    logits: hints.logits ?? logits?.tensor,
  })
  const sha256 = teacher.sha256 ?? sha256Hex(bytes)
  return { ...parsed.data, teacher: { ...rest, name: 'onnx', sha256, ...described } }
}
