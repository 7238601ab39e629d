/**
 * @file An experiment as a person writes it, in YAML: what is compared, on which tiles, dealt out over which sites. Strict: a misspelt field is an
 * error. docs/reference/experiment.md is made of it.
 *
 * Defaults without a source beside them were chosen by running: large enough to learn, small enough for two cores.
 */
import { MAX_SITES, name, study } from '@tessera/shared/protocol'
import { z } from 'zod'
import { fault } from './faults.ts'

/** Most entries of a list of the file: 64 methods × seeds × splits are more than a machine trains in a year. */
const MAX_ENTRIES = 64

/** A test costs a tenth of a round: one pass of three tiles in ten, where training takes three passes or more of seven. */
export const EVERY_ROUND = 1

const positive = z.number().positive()
const list = <T extends z.ZodType>(entry: T) => z.array(entry).max(MAX_ENTRIES)
const label = z.string().min(1).max(128)

const folder = z.strictObject({
  /** Folders `SITE/CLASS/*.png` or `.jpg`, with a `labels.csv` if there is one. `$DATA` at its start is `--data`, another `$NAME` an environment variable; else the path counts from the file. */
  dir: z.string().min(1).max(1000),
  /** Size of its pixels. Given for all folders: tiles are cut so that all show the same field. */
  micronsPerPx: positive.optional(),
})

const data = z
  .strictObject({
    /** Tiles in files. */
    folders: list(folder).min(1).optional(),
    /** Drawn tiles instead: each hospital has a scanner and patients of its own. */
    procedural: z
      .strictObject({
        /** How many. */
        hospitals: z.int().min(1).max(MAX_SITES).default(3),
        /** Patients of all hospitals together. */
        patients: z.int().min(1).max(10_000).default(60),
        /** Tiles of each patient. */
        tilesPerPatient: z.int().min(1).max(100).default(8),
        /** Another text draws other tiles. */
        seed: z.string().min(1).max(256).default('tiles'),
      })
      .optional(),
    /** Classes in the study's order. Empty: all, by name. */
    classes: list(label).default([]),
    /** Side of a tile. */
    tilePx: z.int().min(24).max(512).default(64),
    /** Column of `labels.csv` (patient, slide, source picture) whose tiles are never divided: over sites, or over training and test. */
    group: label.default('group'),
    /** Share of each site's tiles, in whole groups, that nothing is trained on. */
    testShare: z.number().gt(0).lt(1).default(0.3),
  })
  .refine(
    ({ folders, procedural }) => (folders === undefined) !== (procedural === undefined),
    'must have folders or procedural',
  )

const sites = z.union([z.int(), list(z.int()).min(1)]).transform((n) => [n].flat())
const siteCounts = sites.refine((all) => all.every((n) => n >= 2 && n <= MAX_SITES), 'must be 2 or more')
const ofSplit = { name: name.optional(), sites: siteCounts }
/** Who holds what. `folder` and `column`: as the data say; the others deal the tiles of one place out. */
const split = z.discriminatedUnion('by', [
  /** The site folders as they are. */
  z.strictObject({ by: z.literal('folder'), name: name.optional() }),
  /** A site for each value of a column of `labels.csv`. */
  z.strictObject({ by: z.literal('column'), name: name.optional(), column: label }),
  /** Evenly. */
  z.strictObject({ by: z.literal('iid'), ...ofSplit }),
  /** Each class by shares of its own, drawn from Dirichlet(α): 0.1 is nearly one class a site, 100 nearly even. */
  z.strictObject({ by: z.literal('dirichlet'), alpha: positive.max(1e6), ...ofSplit }),
  /** All classes by the same shares, drawn from Dirichlet(α). */
  z.strictObject({ by: z.literal('quantity'), alpha: positive.max(1e6), ...ofSplit }),
  /** Each site has this many of the classes. */
  z.strictObject({ by: z.literal('labels'), classes: z.int().min(2).max(1000), ...ofSplit }),
])
export type SplitConfig = z.infer<typeof split>

const { student, federation, method, judging } = study.shape
/** Without early stopping: an experiment judges on test tiles, and what stops by those was tuned on them. */
const training = study.shape.training.omit({ earlyStopping: true })
/** `start`: a file of weights that it begins with, in the place of a name and multipliers; a path as `dir` is. */
const network = withoutDefaults(student)
  .omit({ initial: true })
  .partial()
  .extend({ start: z.string().min(1).max(1000).optional() })
  .refine(
    ({ start, name, widthMultiplier, depthMultiplier }) =>
      start === undefined || (name ?? widthMultiplier ?? depthMultiplier) === undefined,
    'must have start or name and multipliers: the file says which network it is',
  )
  .default({})

/** Whose weights are learnt first, with cross-entropy, for the methods that want a teacher. */
const teacher = z.strictObject({
  /** Share of the tiles of every site, in whole groups, that only the teacher sees. Not with `folders`. */
  share: z.number().gt(0).lt(1).default(0.2),
  /** Tiles of its own instead, of the same classes or of others. */
  folders: list(folder).min(1).optional(),
  /** Of `folders`. Empty: all, by name. */
  classes: list(label).default([]),
  /** As `student`, with its own `start`. */
  network,
  /** Of its training. */
  epochs: z.int().min(1).max(1000).default(20),
  /** Of its training, at its highest. */
  learningRate: positive.default(0.02),
  /** As in a study. `site` and `global`: only where both networks are of one shape. */
  momentum: z.enum(['site', 'global', 'frozen']).default('frozen'),
})

const methodNames = list(name).min(1)
const arm = z.discriminatedUnion('kind', [
  /** Each site by itself. */
  z.strictObject({ kind: z.literal('alone'), methods: methodNames }),
  /** All sites together, in rounds. */
  z.strictObject({ kind: z.literal('federated'), methods: methodNames }),
  /** All training tiles in one place. */
  z.strictObject({ kind: z.literal('central'), methods: methodNames }),
  /** The teacher itself. */
  z.strictObject({ kind: z.literal('teacher') }),
])

const changes = <T extends z.ZodRawShape>(shape: z.ZodObject<T>) => shape.partial()
const trainingChanges = changes(withoutDefaults(training))
const federationChanges = changes(withoutDefaults(federation.unwrap()))

/** What is otherwise in the federated arms: faults, and settings of the study. */
const scenario = z.strictObject({
  /** Name of the scenario. */
  name,
  /** By script: at which sites, in which rounds. */
  faults: list(fault).default([]),
  /** Settings of `training` that differ. */
  training: trainingChanges.default({}),
  /** Settings of `federation` that differ. */
  federation: federationChanges.default({}),
})
export type Scenario = z.infer<typeof scenario>

export const experiment = z.strictObject({
  /** Name of the experiment, and of its folder. */
  name,
  /** Which tiles: `folders` or `procedural`. */
  data,
  /** Who holds what: each split is a federation of its own. */
  splits: list(split).min(1),
  /** The deal, the first student and the order of tiles hang on it. */
  seeds: list(z.union([z.int(), z.string().min(1).max(200)])).min(1),
  /** Network as in a study, without `initial`; or `start`, a file of weights (docs/models.md) that it begins with, in the place of name and multipliers. */
  student: network,
  /** Whose weights are learnt first, with cross-entropy: one a seed, for all splits. Absent: no method may want one. */
  teacher: teacher.optional(),
  /** Methods by the names that arms call them; a method is as in a study. */
  methods: z.record(name, method),
  /** What is trained with which methods. */
  arms: list(arm).min(1),
  /** Method that every other is compared with, seed by seed. Absent: the last of `methods`. */
  reference: name.optional(),
  /** As in a study, without `earlyStopping`. Alone and central have the same rounds, one after the other. */
  training,
  /** What a study says otherwise than: every site, every round (`strategy`, `encoding`, `quorum`, …). */
  federation: federationChanges.default({}),
  /** Federated arms: the students of these rounds are judged on each site's test tiles, by the sites' own agents. Absent: the last alone is tested. */
  judging: judging.unwrap().pick({ every: true }).optional(),
  /** What goes wrong, or is set otherwise, in the federated arms. */
  scenarios: list(scenario)
    .min(1)
    .prefault([{ name: 'calm' }]),
  /** `memory`: coordinator and sites in one process. `sockets`: in one process, over real sockets. `processes`: each a process, as `tessera demo`. */
  transport: z.enum(['memory', 'sockets', 'processes']).default('memory'),
  /** Rounds from one test of the student to the next, for the curve of its accuracy; 0: it is tested after the last only. A test of each round costs about a tenth of it. */
  testEvery: z.int().min(0).max(1000).default(EVERY_ROUND),
  /** Threads of each cell's engine. Part of what makes the bits: the number of workers is not. */
  threads: z.int().min(1).max(64).default(1),
})
export type Experiment = z.infer<typeof experiment>

/** The same fields, none of which is filled in: a change says only what it changes. */
function withoutDefaults<T extends z.ZodRawShape>(shape: z.ZodObject<T>): z.ZodObject<T> {
  const bare = Object.fromEntries(
    Object.entries(shape.shape).map(([key, field]) => [key, bareOf(field as z.ZodType)]),
  )
  return z.strictObject(bare) as unknown as z.ZodObject<T>
}

function bareOf(field: z.ZodType): z.ZodType {
  return field instanceof z.ZodDefault || field instanceof z.ZodPrefault
    ? bareOf(field.unwrap() as z.ZodType)
    : field
}
