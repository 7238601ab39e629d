/** @file The operator's verbs for a study that is there: pause, resume, cancel, close its round, clone, report, metrics. */
import { print } from '@tessera/shared/print'
import { type Command, InvalidArgumentError } from 'commander'
import {
  cloneStudy,
  closeRound,
  metricsText,
  pointsOf,
  reportStudy,
  reportText,
  studyMetrics,
  tellStudy,
  trackStudy,
  type Word,
  writeMlflow,
  writeTensorboard,
} from './studies/index.ts'

const roundNumber = (text: string): number => {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('must be the number of a round.')
}
const withDir = (command: Command): Command =>
  command.option('-d, --dir <folder>', "the coordinator's folder", 'coordinator-data')
const example = (command: Command, text: string): Command =>
  command.addHelpText('after', `\nExample:\n  $ tessera coordinator study ${text}`)

interface MetricsFlags {
  readonly dir: string
  readonly json?: true
  readonly tensorboard?: string
  readonly mlflow?: string
}

async function writeCurves(
  dir: string,
  study: string,
  { tensorboard, mlflow }: Pick<MetricsFlags, 'tensorboard' | 'mlflow'>,
): Promise<void> {
  const tracked = await trackStudy({ dir, study })
  const points = pointsOf(tracked)
  if (tensorboard !== undefined) {
    const runs = await writeTensorboard(tensorboard, tracked)
    print(`${runs} runs, ${points} points: tensorboard --logdir ${tensorboard}`)
  }
  if (mlflow !== undefined) {
    const runs = await writeMlflow(mlflow, tracked)
    print(`${runs} runs, ${points} points: mlflow ui --backend-store-uri ${mlflow}`)
  }
}

const WORDS: Record<Word, { readonly help: string; readonly done: string }> = {
  pause: {
    help: 'open no further round',
    done: 'is paused: the open round may end, and no other opens',
  },
  resume: {
    help: 'open rounds again, after a pause or a stop',
    done: 'is resumed',
  },
  cancel: {
    help: 'end a study for good',
    done: 'is cancelled: what is published stays, and its agents end',
  },
}

/** Adds the verbs to the group `coordinator study`. */
export function addStudyControl(study: Command): void {
  for (const [word, { help, done }] of Object.entries(WORDS) as [Word, (typeof WORDS)[Word]][]) {
    const command = withDir(study.command(`${word} <study>`))
      .summary(help)
      .description(`${help}; a coordinator that runs does so within seconds`)
      .action(async (id: string, { dir }: { dir: string }) => {
        await tellStudy({ dir, study: id }, word)
        print(`Study ${id} ${done}.`)
      })
    example(command, `${word} colon`)
  }
  const close = withDir(study.command('close-round <study>'))
    .summary('end the open round now')
    .description(
      'end the open round now, with what has come in: published if that is a quorum, else opened again',
    )
    .action(async (id: string, { dir }: { dir: string }) => {
      const { round } = await closeRound({ dir, study: id })
      print(`Round ${round} of ${id} is closed. A coordinator that runs does so within seconds.`)
    })
  example(close, 'close-round colon')
  const clone = withDir(study.command('clone <study> <id>'))
    .summary('create a study like another, or from a round of it')
    .description('create a study like another under a new id, from its first student or from that of a round')
    .option('--round <round>', 'start from the student that this round published', roundNumber)
    .action(async (from: string, id: string, { dir, round }: { dir: string; round?: number }) => {
      const made = await cloneStudy({ dir, study: from, id, round })
      print(`Study ${id} created like ${from}, from student ${made.student}.`)
    })
  example(clone, 'clone colon colon-2 --round 12')
  const report = withDir(study.command('report <study>'))
    .summary('show who took part in each round, and why not')
    .description('show who took part in each round, how much, how late, and why not')
    .option('--json', 'as JSON')
    .action(async (id: string, { dir, json }: { dir: string; json?: true }) => {
      const found = await reportStudy({ dir, study: id })
      print(json ? JSON.stringify(found) : reportText(found).trimEnd())
    })
  example(report, 'report colon')
  const metrics = withDir(study.command('metrics <study>'))
    .summary('show how its students do at each site')
    .description("show how each judged student does on its sites' own tiles, and which is the best")
    .option('--json', 'as JSON, with all counts')
    .option('--tensorboard <folder>', 'write its curves for TensorBoard instead')
    .option('--mlflow <folder>', "write its curves into a folder of MLflow's (file store) instead")
    .action(async (id: string, { dir, json, ...out }: MetricsFlags) => {
      if (out.tensorboard !== undefined || out.mlflow !== undefined) return writeCurves(dir, id, out)
      const found = await studyMetrics({ dir, study: id })
      print(json ? JSON.stringify(found) : metricsText(found).trimEnd())
    })
  example(metrics, 'metrics colon')
}
