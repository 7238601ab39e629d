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
  /** Name of the study, for good: a study is never changed once it is created. */
  id: name,
  /** Text that every random choice of the study hangs on. */
  seed: z.string().min(1).max(256),
  /** Names of the classes, in the order of the student's outputs. */
  classes: z.array(z.string().min(1).max(128)).min(2).max(MAX_CLASSES),
  /** What every tile is before training sees it. */
  tile: z.strictObject({
    /** Side of a tile; another size is scaled and cut at its centre. */
    sizePx: z.int().min(16).max(2048),
    /** `macenko`: each site gives its tiles the stain of one reference (docs/data.md). Absent: they stay as they are. */
    stain: z.literal('macenko').optional(),
  }),
  /** The network that is trained (docs/models.md). */
  student: architecture.extend({
    /**
     * `seed`: from the study's seed. `teacher`: the teacher's backbone, when the architectures are equal. `file`: from a file that is
     * given when the study is created.
     */
    initial: z.enum(['seed', 'teacher', 'file']).default('seed'),
    /** Share of the features that are dropped before the classifier; torchvision's B0 has 0.2. */
    dropout: fraction.default(0.2),
    /** Largest probability with which a block is left out; torchvision's B0 has 0.2. */
    stochasticDepth: fraction.default(0.2),
  }),
  /** The network that teaches. `study create` fills it in from the file it is given. Absent: the method must be `ce`. */
  teacher: teacher.optional(),
  /** What a site minimises (docs/methods.md). */
  method,
  /** How a site trains. */
  training: z.strictObject({
    /** Rounds of the study. */
    rounds: z.int().positive().max(100_000),
    /** Passes over a site's tiles in one round. */
    epochsPerRound: z.int().positive().max(1000).default(1),
    /** Tiles a step. */
    batchSize: z.int().min(2).max(4096).default(64),
    /** Of SGD, at its highest. */
    learningRate: positive.default(0.05),
    /** Of SGD. */
    momentum: fraction.default(0.9),
    /** Of SGD: λ of an L2 penalty on all trainable tensors. */
    weightDecay: z.number().min(0).default(1e-4),
    /** How the learning rate falls over the study. `steps`: to a tenth after each of `stepEpochs`, as the paper's code does without `--cosine`. */
    schedule: z.enum(['cosine', 'constant', 'steps']).default('cosine'),
    /** Epochs of the whole study; the code's own. */
    stepEpochs: z.array(z.int().positive()).max(20).default([30, 40, 60]),
    /** What is done to a tile each time it is trained on (docs/data.md). `randaugment`: what the paper's code does. docs/fidelity.md says why it is not the default. */
    augment: z
      .enum(['none', 'flips', 'flips-and-stain', 'flips-and-site-stain', 'randaugment'])
      .default('flips-and-stain'),
    /**
     * The study ends when its judged students have not become better for so long.
     * Absent: it has all its rounds. The metric is that of `judging`: a study has one best student.
     */
    earlyStopping: z
      .strictObject({
        /** Judgings running without a better student. */
        patience: z.int().positive().max(1000).default(5),
        /** Less than this is not better. */
        minDelta: fraction.default(0),
      })
      .optional(),
  }),
  /** Sites score each published student on tiles that they do not train on (docs/judging.md). Absent: nothing is judged. */
  judging: judging.optional(),
  /** When a round opens and ends, and what becomes of the deltas (docs/rounds.md, docs/aggregation.md). */
  federation: z
    .strictObject({
      /** A round opens when this many sites are there. One site's delta would be its model. */
      minSites: z.int().positive().max(MAX_SITES).default(2),
      /** A round that ends with fewer accepted updates is opened again (next attempt). At most `minSites` and `cohort.size`, or it could never be reached. */
      quorum: z.int().positive().max(MAX_SITES).default(1),
      /** A round whose accepted updates have fewer samples together is opened again, too: guards against a round of three tiles. Default: any number will do. */
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
          /** Updates that end the round. */
          size: z.int().positive().max(MAX_SITES),
          /** Sites that are asked besides, so that a slow one is not waited for. */
          overSelect: z.int().min(0).max(MAX_SITES).default(0),
        })
        .nullable()
        .default(null),
      /** What becomes of an update whose round has ended: `refuse`, or it counts in a later round, at most `maxStaleness` on, with weight · 1/√(1 + staleness). */
      late: z
        .union([
          z.literal('refuse'),
          z.strictObject({
            /** Rounds by which an update may be late. */
            maxStaleness: z.int().positive().max(MAX_STALENESS),
          }),
        ])
        .default('refuse'),
      /** An alarm is raised for a site that is left out of so many rounds running. Default: once is an accident, three times is a site that nobody notices is missing. */
      alarmAfter: z.int().positive().max(1000).default(3),
      /** Largest L2 norm of a delta's trainable tensors; larger is refused. 100 is 10 times a first round's norm of B0 at learning rate 0.05. */
      maxNorm: positive.default(100),
      /** Cap on one site's share of the weight, from 0 to 1; 1 is no cap. */
      maxShare: positive.max(1).default(1),
      /** How deltas become the student's step. */
      strategy: strategy.prefault({ name: 'fedavg' }),
      /** What holds a single delta down, beside `maxNorm` and `maxShare`. */
      guards: guards.prefault({}),
      /** How deltas are written. All but `f32` lose something, which the site adds to its next delta. */
      encoding: encoding.default('f32'),
    })
    .prefault({}),
})
/** A study as every part of Tessera sees it: complete, defaults filled in. */
export type Study = z.infer<typeof study>
/** A study as a person writes it. */
export type StudyInput = z.input<typeof study>
