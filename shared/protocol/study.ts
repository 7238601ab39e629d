/**
 * @file A study: everything a round depends on. Written by the operator as YAML or JSON, signed by the coordinator, sent to each site.
 * Defaults are the paper's (Vuong and Kwak, Medical Image Analysis 2024, section 4.3) unless a line says otherwise.
 */
import { z } from 'zod'
import { encoding, guards, strategy } from './aggregation.ts'
import { architecture } from './architecture.ts'
import { judging } from './judging.ts'
import { MAX_CLASSES, MAX_SAMPLES, MAX_SITES, MAX_STALENESS, MAX_STRETCH } from './limits.ts'
import { method } from './methods.ts'
import { name } from './names.ts'
import { teacher } from './teacher.ts'

const positive = z.number().positive()
const fraction = z.number().min(0).max(1)

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
  teacher: teacher.optional(),
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
    /**
     * The study ends when its judged students have not become better for `patience` judgings running; `minDelta`: by less than this is not
     * better. Absent: it has all its rounds. The metric is that of `judging`: a study has one best student.
     */
    earlyStopping: z
      .strictObject({
        patience: z.int().positive().max(1000).default(5),
        minDelta: fraction.default(0),
      })
      .optional(),
  }),
  judging: judging.optional(),
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
