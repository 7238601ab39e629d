/** @file The verb `simulate`: an experiment's methods, seeds and scenarios over simulated sites, with tables and a report at the end. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { stderrScreen } from '@tessera/shared/stage-progress'
import { untilStopped } from '@tessera/shared/until-stopped'
import { type Command, InvalidArgumentError } from 'commander'
import { compareText, readResults } from './experiment/compare.ts'
import { readExperiment } from './experiment/read.ts'
import { runExperiment } from './experiment/run.ts'

const EXAMPLES = `
An experiment is a YAML file; docs/reference/experiment.md has every field, simulations/experiments/ has those of this project.
Cut off at any point, the same command goes on without repeating a finished cell.

Examples:
  $ tessera simulate simulations/experiments/small.yaml
  $ tessera simulate experiment.yaml --data /data/tiles --workers 4 --out runs/lc25000`

interface SimulateFlags {
  data?: string
  out?: string
  workers: number
}

/** Adds the verb `simulate` to the program. */
export function addSimulateCommand(program: Command): void {
  const group = program
    .command('simulate')
    .description(
      'Run an experiment: methods × seeds × scenarios over simulated sites, with production’s code.',
    )
    .argument('<experiment>', 'its YAML file')
    .option('--data <DIR>', 'what $DATA stands for in the folders of the file')
    .option('--out <DIR>', 'where everything goes (default: runs/simulate-NAME)')
    .option(
      '--workers <n>',
      'cells at the same time (default: one a processor)',
      count,
      availableParallelism(),
    )
    .addHelpText('after', EXAMPLES)
    .action(simulate)
  group
    .command('compare')
    .description('two finished runs beside each other, arm by arm and seed by seed')
    .argument('<A>', "a run's folder, or its results.json")
    .argument('<B>', 'another')
    .addHelpText('after', '\nExample:\n  $ tessera simulate compare runs/simulate-before runs/simulate-after')
    .action(async (a: string, b: string) => {
      process.stdout.write(`${compareText(await readResults(a), await readResults(b))}\n`)
    })
}

async function simulate(file: string, { data, out, workers }: SimulateFlags): Promise<void> {
  const read = await readExperiment(file, { ...process.env, ...(data !== undefined && { DATA: data }) })
  const table = await untilStopped((signal) =>
    runExperiment({
      read,
      out: out ?? join('runs', `simulate-${read.experiment.name}`),
      workers,
      screen: stderrScreen(),
      clock: systemClock,
      signal,
    }),
  )
  process.stdout.write(`\n${table}\n`)
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 64)
    throw new InvalidArgumentError('must be a whole number from 1 to 64.')
  return value
}
