/** @file The `tessera` program: picks the package a verb belongs to, loads only that, and ends with a sentence and an exit code. */
import { readFileSync } from 'node:fs'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import { growHeapFreely } from '@tessera/shared/heap'
import { Command, CommanderError } from 'commander'
import { endureClosedOutput } from './closed-output.ts'
import { describeFailure, exitCode } from './failure.ts'

/** A verb group: what `tessera --help` says of it, and the module that defines it. Loaded only when typed: `--help` stays instant. */
const GROUPS: readonly { name: string; summary: string; load: (program: Command) => Promise<void> }[] = [
  {
    name: 'demo',
    summary: 'train a whole federation on this machine and print what it is worth',
    load: async (program) => (await import('@tessera/simulations/main')).addDemoCommand(program),
  },
  {
    name: 'simulate',
    summary: 'run an experiment: methods, seeds and scenarios over simulated sites',
    load: async (program) => (await import('@tessera/simulations/simulate')).addSimulateCommand(program),
  },
  {
    name: 'coordinator',
    summary: 'run a consortium: init, study create, invite, start, export',
    load: async (program) => (await import('@tessera/coordinator/main')).addCoordinatorCommands(program),
  },
  {
    name: 'site',
    summary: 'run a hospital’s agent: enroll, check, policy, start, audit, pause',
    load: async (program) => (await import('@tessera/site-agent/main')).addSiteCommands(program),
  },
  {
    name: 'teacher',
    summary: 'train a teacher on a folder of tiles',
    load: async (program) => (await import('@tessera/site-agent/main-teacher')).addTeacherCommands(program),
  },
  {
    name: 'ledger',
    summary: 'check that published students follow from what sites signed',
    load: async (program) => (await import('./ledger.ts')).addLedgerCommands(program),
  },
  {
    name: 'verify',
    summary: 'check that this machine computes the reference numbers',
    load: async (program) => (await import('./verify.ts')).addVerifyCommand(program),
  },
  {
    name: 'engine',
    summary: 'install or remove the native engine',
    load: async (program) => (await import('./engine.ts')).addEngineCommands(program),
  },
  {
    name: 'bundle',
    summary: 'write an archive that installs a site without a network',
    load: async (program) => (await import('./bundle.ts')).addBundleCommand(program),
  },
  {
    name: 'doctor',
    summary: 'which engine runs here, how fast, and what is missing',
    load: async (program) => (await import('./doctor.ts')).addDoctorCommand(program),
  },
]

const EXAMPLE = `
Example:
  $ tessera demo --help
  $ tessera doctor
  $ tessera verify reference/*.safetensors`

async function main(args: readonly string[]): Promise<void> {
  const { version } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  const program = new Command('tessera')
    .description('Federated distillation for histopathology: one student, many hospitals, no image leaves.')
    .version(version)
    .addHelpText('after', EXAMPLE)
    .exitOverride()
    .showHelpAfterError('(--help lists what is there)')
  const wanted = GROUPS.find((group) => group.name === args[0])
  if (wanted) await wanted.load(program).catch((thrown: unknown) => refuseMissing(wanted.name, thrown))
  else for (const { name, summary } of GROUPS) program.command(name).summary(summary).description(summary)
  for (const command of allCommands(program)) command.exitOverride()
  if (args.length === 0) program.help()
  await program.parseAsync(args, { from: 'user' })
}

/** An image or a bundle has the packages that its user needs, and not those of other users. */
function refuseMissing(verb: string, thrown: unknown): never {
  const { code, message } = Object(thrown) as { code?: unknown; message?: unknown }
  if (code !== 'ERR_MODULE_NOT_FOUND' || !/'@te(ssera|nsorflow)\//.test(String(message))) throw thrown
  throw new TesseraError('ERR_USAGE', `installation must have what ${verb} needs, got one for another user`, {
    cause: thrown,
  })
}

function allCommands(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...allCommands(child)])
}

growHeapFreely()
endureClosedOutput()
try {
  await main(process.argv.slice(2))
} catch (thrown) {
  // commander has printed its own message already, help and version included.
  if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode === 0 ? 0 : 64
  else {
    const failure = asTesseraError(thrown)
    process.stderr.write(describeFailure(failure))
    process.exitCode = exitCode(failure)
  }
}
