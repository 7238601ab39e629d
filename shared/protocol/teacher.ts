/** @file The teacher of a study: a network of ours, or any vision model as an ONNX file. */
import { z } from 'zod'
import { architecture } from './architecture.ts'
import { MAX_CLASSES, MAX_FEATURE_WIDTH } from './limits.ts'
import { sha256 } from './names.ts'

const positive = z.number().positive()

const task = z.enum(['same', 'different'])

/** A teacher of Tessera's own architectures: safetensors weights. */
const networkTeacher = architecture.extend({
  /** Of its file. `study create` fills it in. */
  sha256,
  /** `same`: its classes are the study's. `different`: no KL term, its classifier is not used. */
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
  /** A file of another tool. */
  name: z.literal('onnx'),
  /** Of its file. */
  sha256,
  /** `same`: its classes are the study's. `different`: no KL term, its logits are not used. */
  task,
  /** It stays as it is: its weights are only read. */
  momentum: z.literal('frozen').default('frozen'),
  /** Width D of its features. Of another width than the student's: the teacher's head stays as it is initialised. */
  featureWidth: z.int().positive().max(MAX_FEATURE_WIDTH),
  /** What it wants to be shown. */
  input: z.strictObject({
    /** The one input of its graph. */
    tensor: tensorName,
    /** Tiles of another size are scaled to it. */
    sizePx: z.int().min(16).max(2048),
    /** Channels before rows and columns, or after. */
    layout: z.enum(['nchw', 'nhwc']),
    /** Of red, green and blue, for values from 0 to 1: (x − mean) / deviation. */
    mean: perChannel,
    /** By which it is divided. */
    deviation: z.tuple([positive, positive, positive]),
  }),
  /** Where its features are. */
  features: z.strictObject({
    /** An output, or an inner tensor. */
    tensor: tensorName,
    /** Over the positions of a map [B, D, H, W] or [B, H, W, D], or the tokens of [B, T, D]; `none` for [B, D]. */
    pool: z.enum(['none', 'mean', 'first']),
  }),
  /** Absent when the task is another. */
  logits: z
    .strictObject({
      /** The output that holds them, before any softmax. */
      tensor: tensorName,
      /** As many as the study's. */
      classes: z.int().min(2).max(MAX_CLASSES),
    })
    .optional(),
})
export type OnnxTeacher = z.infer<typeof onnxTeacher>

export const teacher = z.discriminatedUnion('name', [networkTeacher, onnxTeacher])
