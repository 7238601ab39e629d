/** @file The `tessera` program: picks the package a verb belongs to, loads only that, and ends with a sentence and an exit code. */
import { readFileSync } from 'node:fs'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import { growHeapFreely } from '@tessera/shared/heap'
import { Command, CommanderError } from 'commander'
import { endureClosedOutput } from './closed-output.ts'
import { describeFailure, exitCode } from './failure.ts'
import { GROUPS } from './groups.ts'

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
