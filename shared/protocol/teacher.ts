/** @file The teacher of a study: a network of ours, or any vision model as an ONNX file. */
import { z } from 'zod'
import { architecture } from './architecture.ts'
import { MAX_CLASSES, MAX_FEATURE_WIDTH } from './limits.ts'
import { sha256 } from './names.ts'

const positive = z.number().positive()

/** `same`: the teacher's classes are the study's. `different`: no KL term, its classifier is not used. */
const task = z.enum(['same', 'different'])

/** A teacher of Tessera's own architectures: safetensors weights. */
const networkTeacher = architecture.extend({
  sha256,
  task,
  /** Number of classes of the teacher's classifier. */
  classes: z.int().min(2).max(MAX_CLASSES),
  /**
   * `site`: each site moves its own copy towards its student, each step. `global`: all have one, which follows the published students, each round.
   * `frozen`: the backbone stays; the head still follows.
   */
  momentum: z.enum(['site', 'global', 'frozen']).default('site'),
})

/** Name of a tensor in an ONNX graph. */
const tensorName = z.string().min(1).max(512)
const perChannel = z.tuple([z.number(), z.number(), z.number()])

/** Any vision model as an ONNX file: frozen, its features only read. `study create` fills all of this in from the file. */
export const onnxTeacher = z.strictObject({
  name: z.literal('onnx'),
  sha256,
  task,
  momentum: z.literal('frozen').default('frozen'),
  /** Width D of its features. Of another width than the student's: the teacher's head stays as it is initialised. */
  featureWidth: z.int().positive().max(MAX_FEATURE_WIDTH),
  input: z.strictObject({
    tensor: tensorName,
    /** Tiles of another size are scaled to it. */
    sizePx: z.int().min(16).max(2048),
    layout: z.enum(['nchw', 'nhwc']),
    /** Of red, green and blue, for values from 0 to 1: (x − mean) / deviation. */
    mean: perChannel,
    deviation: z.tuple([positive, positive, positive]),
  }),
  features: z.strictObject({
    tensor: tensorName,
    /** Over the positions of a map [B, D, H, W] or [B, H, W, D], or the tokens of [B, T, D]; `none` for [B, D]. */
    pool: z.enum(['none', 'mean', 'first']),
  }),
  /** Absent when the task is another. */
  logits: z.strictObject({ tensor: tensorName, classes: z.int().min(2).max(MAX_CLASSES) }).optional(),
})
export type OnnxTeacher = z.infer<typeof onnxTeacher>

export const teacher = z.discriminatedUnion('name', [networkTeacher, onnxTeacher])
