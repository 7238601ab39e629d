/** @file The studies of a run. All arms have one seed, so all start from the same student and see their tiles in the same order. */
import { type Study, study } from '@tessera/shared/protocol'
import type { DemoConfig } from './config.ts'

/** What a study says about its teacher. */
export interface TeacherFile {
  readonly sha256: string
  readonly classes: readonly string[]
}

interface StudyShape {
  readonly config: DemoConfig
  readonly classes: readonly string[]
}

/** The teacher learns its own tiles from scratch, with plain cross-entropy. */
export function teacherStudy({ config, classes }: StudyShape): Study {
  return study.parse({
    ...common({ config, classes }),
    id: 'teacher',
    seed: `${config.seed}/teacher`,
    student: networkOf(config, 'teacher'),
    method: { name: 'ce' },
    // Twice as wide, so half the rate.
    training: {
      ...training(config),
      learningRate: config.lr / 2,
      rounds: config.teacherEpochs,
      epochsPerRound: 1,
    },
  })
}

/** Cross-entropy, without a teacher: a site alone, or the federation. */
export function crossEntropyStudy({ config, classes }: StudyShape, sites: number): Study {
  return study.parse({
    ...common({ config, classes }),
    id: 'fed-ce',
    method: { name: 'ce' },
    federation: federation(sites),
  })
}

/** MoMA with the run's teacher: the federation, or all tiles in one place. */
export function momaStudy({ config, classes }: StudyShape, teacher: TeacherFile, sites: number): Study {
  return study.parse({
    ...common({ config, classes }),
    id: 'fed-moma',
    teacher: {
      sha256: teacher.sha256,
      task: sameTask(classes, teacher.classes) ? 'same' : 'different',
      classes: teacher.classes.length,
      ...(config.start?.architecture ?? {
        widthMultiplier: config.teacherWidth,
        depthMultiplier: config.teacherDepth,
      }),
      // A student that starts elsewhere would pull a good teacher's backbone out of shape, were the two alike.
      momentum: 'frozen',
    },
    method: { name: 'moma', featureDim: config.featureDim, queueSize: config.queue },
    federation: federation(sites),
  })
}

/** The teacher's logits mean something to the student only when they are for the same classes, in the same order. */
export function sameTask(classes: readonly string[], teacherClasses: readonly string[]): boolean {
  return classes.length === teacherClasses.length && classes.every((name, i) => name === teacherClasses[i])
}

/** Some hundred steps from scratch, in a network a fiftieth of B0: what holds ImageNet's training back (0.2 and 0.2) only slows this one. */
const REGULARISATION = { dropout: 0, stochasticDepth: 0 } as const

function common({
  config,
  classes,
}: StudyShape): Pick<Study, 'seed' | 'classes' | 'tile'> & { student: object; training: object } {
  return {
    seed: config.seed,
    classes: [...classes],
    tile: { sizePx: config.tilePx },
    student: networkOf(config, 'student'),
    training: training(config),
  }
}

/** What a run trains: of its own multipliers and from chance, or of the network of the run's file, which the one, the other or both start from. */
function networkOf(config: DemoConfig, who: 'teacher' | 'student'): object {
  const { start, startFor = who } = config
  if (start) return { ...start.architecture, initial: startFor === who ? 'file' : 'seed', ...REGULARISATION }
  const [widthMultiplier, depthMultiplier] =
    who === 'teacher' ? [config.teacherWidth, config.teacherDepth] : [config.width, config.depth]
  return { widthMultiplier, depthMultiplier, ...REGULARISATION }
}

function training({ rounds, epochs, batch, lr }: DemoConfig): object {
  return { rounds, epochsPerRound: epochs, batchSize: batch, learningRate: lr }
}

/**
 * Every site, every round: on one machine a missing one is a fault. An hour, should the machine be asleep. A small network that starts from
 * scratch, without a warm-up, moves 20 to 70 in its first round, and more at a higher rate: the default bound of 100 is too near.
 */
const federation = (sites: number): object => ({
  minSites: sites,
  quorum: sites,
  deadlineMs: 3600 * 1000,
  maxNorm: 1000,
})
