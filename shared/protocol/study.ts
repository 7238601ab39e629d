/**
 * @file A study: everything a round depends on. Written by the operator as YAML or JSON, signed by the coordinator, sent to each site.
 * Defaults are the paper's (Vuong and Kwak, Medical Image Analysis 2024, section 4.3) unless a line says otherwise.
 */
import { z } from 'zod'
import {
  MAX_CLASSES,
  MAX_FEATURE_WIDTH,
  MAX_SAMPLES,
  MAX_SITES,
  MAX_STALENESS,
  MAX_STRETCH,
} from './limits.ts'
import { mapMethod } from './map-methods.ts'
import { termWeights, weight } from './term-weights.ts'

/** A name that is also a folder name: lower-case letters, digits, `-` and `_`. */
export const name: z.ZodString = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be 1 to 63 of a-z, 0-9, - and _')
export const sha256: z.ZodString = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')

const positive = z.number().positive()
const fraction = z.number().min(0).max(1)

/** Networks that are known by name. */
export const ARCHITECTURE_NAMES = [
  'efficientnet-b0',
  'efficientnet-b1',
  'efficientnet-b2',
  'efficientnet-b3',
  'efficientnet-b4',
  'efficientnet-lite0',
  'resnet-18',
  'resnet-50',
] as const
/** Libraries whose padding and batch norms differ; `timm-tf`: timm's networks named `tf_…`. */
export const FLAVOURS = ['torchvision', 'timm-tf', 'efficientnet-pytorch'] as const

/** A network by name (EfficientNet: Tan and Le, ICML 2019; ResNet: He et al., CVPR 2016), and how much of it. */
export const architecture = z.strictObject({
  name: z.enum(ARCHITECTURE_NAMES).default('efficientnet-b0'),
  /** Times the channels of the named network. */
  widthMultiplier: positive.max(4).default(1),
  /** Times the layers of the named network. */
  depthMultiplier: positive.max(4).default(1),
  /**
   * Whose padding and batch norms: those of the library that the weights were trained with. Absent: torchvision's, which timm shares but
   * for its networks named `tf_…`. ResNets have torchvision's only.
   */
  flavour: z.enum(FLAVOURS).optional(),
})
export type Architecture = z.infer<typeof architecture>

/** Order of the losses' weights: L = ce·CE + kl·T²·KL + nce·NCE. */
export const moma = z.strictObject({
  name: z.literal('moma'),
  weights: z
    .strictObject({
      ce: z.number().min(0).default(1),
      kl: z.number().min(0).default(1),
      nce: z.number().min(0).default(1),
    })
    .prefault({}),
  featureDim: z.int().positive().max(8192).default(512),
  heads: z.int().positive().max(64).default(4),
  queueSize: z
    .int()
    .positive()
    .max(1 << 20)
    .default(16_384),
  temperature: positive.default(0.15),
  klTemperature: positive.default(4),
  momentum: fraction.default(0.999),
  /**
   * Over the batch. `self`: the published code's three, one each for query, key and queue. `shared`: key and queue pass through one, so that they
   * cannot be told from each other without telling tiles apart (docs/fidelity.md). `none`: the heads' outputs as they are.
   */
  attention: z.enum(['self', 'shared', 'none']).default('self'),
  /** What a tile is told apart from: the queue, or the batch's other keys (then there is no queue). */
  negatives: z.enum(['queue', 'batch']).default('queue'),
})
export const kd = z.strictObject({
  name: z.literal('kd'),
  weights: z
    .strictObject({ ce: z.number().min(0).default(1), kl: z.number().min(0).default(1) })
    .prefault({}),
  klTemperature: positive.default(4),
})
export const ce = z.strictObject({ name: z.literal('ce') })
/**
 * Methods that compare features. Their weights are those of RepDistiller's `run_cifar_distill.sh`, which has no KL term (`kl` 0) unless asked;
 * `ce` and `klTemperature` as there.
 */
export const sp = z.strictObject({
  name: z.literal('sp'),
  weights: termWeights({ sp: weight.default(3000) }),
  klTemperature: positive.default(4),
})
export const rkd = z.strictObject({
  name: z.literal('rkd'),
  weights: termWeights({ distance: weight.default(25), angle: weight.default(50) }),
  klTemperature: positive.default(4),
})
export const crd = z.strictObject({
  name: z.literal('crd'),
  weights: termWeights({ crd: weight.default(0.8) }),
  klTemperature: positive.default(4),
  featureDim: z.int().positive().max(8192).default(128),
  /** Tiles that each batch is told apart from; all of the site's, when it has fewer. */
  negatives: z
    .int()
    .positive()
    .max(1 << 20)
    .default(16_384),
  temperature: positive.default(0.07),
  /** Share of a tile's old row in its new one. */
  memoryMomentum: fraction.default(0.5),
})
export const method = z.discriminatedUnion('name', [moma, kd, ce, sp, rkd, crd, ...mapMethod.options])
export type Method = z.infer<typeof method>
export type MomaMethod = z.infer<typeof moma>
export type CrdMethod = z.infer<typeof crd>

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

/**
 * How the sites' deltas become the student's step; docs/aggregation.md has the formulas. `learningRate`: the server's. Momenta are those of
 * the papers; FedAvgM's rate and Nesterov's form are DiLoCo's (Douillard et al., 2023), τ is FedAdam's own 1e-3.
 */
export const strategy = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('fedavg') }),
  z.strictObject({
    name: z.literal('fedavgm'),
    learningRate: positive.max(10).default(0.7),
    momentum: z.number().min(0).lt(1).default(0.9),
    nesterov: z.boolean().default(true),
  }),
  z.strictObject({ name: z.literal('fedadam'), ...adaptive() }),
  z.strictObject({ name: z.literal('fedyogi'), ...adaptive() }),
  /** `mu`: of the proximal term μ/2·‖w − w_global‖²; the paper's grid is 0.001 to 1. */
  z.strictObject({ name: z.literal('fedprox'), mu: positive.max(10).default(0.01) }),
  z.strictObject({ name: z.literal('fedbn') }),
  /** `mu`: weight of the model-contrastive term; both defaults are the published code's. */
  z.strictObject({
    name: z.literal('moon'),
    mu: positive.max(100).default(1),
    temperature: positive.default(0.5),
  }),
  z.strictObject({ name: z.literal('median') }),
  /** `trim`: share of the sites that is left out at each end, rounded down. */
  z.strictObject({ name: z.literal('trimmed-mean'), trim: z.number().gt(0).lt(0.5).default(0.2) }),
])
export type Strategy = z.infer<typeof strategy>

function adaptive() {
  const decay = z.number().min(0).lt(1)
  return {
    /** Far below 1: a step has about this size in every coordinate, whatever the deltas' size. */
    learningRate: positive.max(10).default(0.01),
    beta1: decay.default(0.9),
    beta2: decay.default(0.99),
    tau: positive.max(1).default(1e-3),
  }
}

/** What a delta is written in. All but `f32` lose something, which the site adds to its next delta (docs/aggregation.md). */
export const encoding = z.union([z.literal('f32'), z.literal('bf16'), z.literal('int8')])
export type Encoding = z.infer<typeof encoding>

/** Guards of the aggregation beside `maxNorm` and `maxShare`. */
export const guards = z.strictObject({
  /**
   * A delta longer than `factor` times the median length is scaled down to that. Of sites whose sizes span 94-fold, as those of eight
   * hospitals did, steps span √94 ≈ 10: about 3 on each side of the middle. `rounds`: how many earlier rounds the median looks at as well, so
   * that a round of two sites has a middle; `off` is for experiments.
   */
  adaptiveNorm: z
    .union([
      z.literal('off'),
      z.strictObject({
        factor: z.number().min(1).max(1000).default(3),
        rounds: z.int().min(0).max(20).default(3),
      }),
    ])
    .prefault({}),
})
export type Guards = z.infer<typeof guards>

export const study = z.strictObject({
  id: name,
  /** Text that every random choice of the study hangs on. */
  seed: z.string().min(1).max(256),
  classes: z.array(z.string().min(1).max(128)).min(2).max(MAX_CLASSES),
  tile: z.strictObject({
    sizePx: z.int().min(16).max(2048),
    /** `macenko`: each site gives its tiles the stain of one reference (site-agent/data/macenko). Absent: they stay as they are. */
    stain: z.literal('macenko').optional(),
  }),
  student: architecture.extend({
    /**
     * `seed`: from the study's seed. `teacher`: the teacher's backbone, when the architectures are equal. `file`: from a file that is
     * given when the study is created.
     */
    initial: z.enum(['seed', 'teacher', 'file']).default('seed'),
    /** Dropout before the classifier and stochastic depth (largest drop probability); torchvision's B0 has 0.2 and 0.2. */
    dropout: fraction.default(0.2),
    stochasticDepth: fraction.default(0.2),
  }),
  /** Absent: the method must be `ce`. */
  teacher: z.discriminatedUnion('name', [networkTeacher, onnxTeacher]).optional(),
  method,
  training: z.strictObject({
    rounds: z.int().positive().max(100_000),
    epochsPerRound: z.int().positive().max(1000).default(1),
    batchSize: z.int().min(2).max(4096).default(64),
    learningRate: positive.default(0.05),
    momentum: fraction.default(0.9),
    weightDecay: z.number().min(0).default(1e-4),
    /** `steps`: a tenth after the epochs of `stepEpochs` each, as the paper's code does without `--cosine`. */
    schedule: z.enum(['cosine', 'constant', 'steps']).default('cosine'),
    /** Epochs of the whole study; the code's own. */
    stepEpochs: z.array(z.int().positive()).max(20).default([30, 40, 60]),
    /** `randaugment`: what the paper's code does. docs/fidelity.md says why it is not the default. */
    augment: z
      .enum(['none', 'flips', 'flips-and-stain', 'flips-and-site-stain', 'randaugment'])
      .default('flips-and-stain'),
  }),
  federation: z
    .strictObject({
      /** A round opens when this many sites are there, and closes early when every offered site has answered (docs/rounds.md). */
      minSites: z.int().positive().max(MAX_SITES).default(2),
      /** A round that ends with fewer accepted updates is opened again (next attempt). */
      quorum: z.int().positive().max(MAX_SITES).default(1),
      /** A round whose accepted updates have fewer samples together is opened again, too. Default: any number will do. */
      minSamples: z.int().positive().max(MAX_SAMPLES).default(1),
      /** How long a site may be silent from the offer on, until it is waited for no more; each sign of progress begins it anew. Default: one day, a slow site's epoch with room. */
      deadlineMs: z
        .int()
        .positive()
        .default(24 * 3600 * 1000),
      /** A round lasts at most so many times `deadlineMs`, however much progress its sites show. 1: a deadline that does not move. Default: with a day's deadline, a week. */
      stretch: z.number().min(1).max(MAX_STRETCH).default(7),
      /** How long the others are waited for once there is a quorum; null: until their deadline. Default: nobody is left out for being slow. */
      graceMs: z.int().min(0).nullable().default(null),
      /**
       * The round needs `size` sites: it is offered to `size + overSelect` of those that are there, drawn from the study's seed, and ends with the
       * first `size` updates. null: it is offered to all.
       */
      cohort: z
        .strictObject({
          size: z.int().positive().max(MAX_SITES),
          overSelect: z.int().min(0).max(MAX_SITES).default(0),
        })
        .nullable()
        .default(null),
      /** What becomes of an update whose round has ended: `refuse`, or it counts in a later round, at most `maxStaleness` on, with weight · 1/√(1 + staleness). */
      late: z
        .union([z.literal('refuse'), z.strictObject({ maxStaleness: z.int().positive().max(MAX_STALENESS) })])
        .default('refuse'),
      /** An alarm is raised for a site that is left out of so many rounds running. Default: once is an accident, three times is a site that nobody notices is missing. */
      alarmAfter: z.int().positive().max(1000).default(3),
      /** Largest L2 norm of a delta's trainable tensors; larger is refused. 100 is 10 times a first round's norm of B0 at learning rate 0.05. */
      maxNorm: positive.default(100),
      /** Cap on one site's share of the weight, from 0 to 1; 1 is no cap. */
      maxShare: positive.max(1).default(1),
      strategy: strategy.prefault({ name: 'fedavg' }),
      guards: guards.prefault({}),
      encoding: encoding.default('f32'),
    })
    .prefault({}),
})
/** A study as every part of Tessera sees it: complete, defaults filled in. */
export type Study = z.infer<typeof study>
/** A study as a person writes it. */
export type StudyInput = z.input<typeof study>
