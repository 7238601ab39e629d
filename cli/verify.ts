/** @file `tessera verify`: does the engine on this machine compute the numbers PyTorch computed? */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ENGINE_CHOICES, type EngineChoice, startEngine } from '@tessera/shared/engine'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import { type Command, Option } from 'commander'
import { readCaseFile } from './verify/case-file.ts'
import { compareCase } from './verify/compare.ts'
import { describeOutcome, type Outcome, summarise } from './verify/report.ts'

const DESCRIPTION = `Checks that this machine computes the reference numbers.

Each FILE is a reference case (safetensors): inputs, parameters and expected tensors, computed with PyTorch. A folder stands
for all its *.safetensors. Per expected tensor it prints

  absolute  the largest |got - want|
  relative  that, over the tensor's largest |want|

not over each element's own size: a float32 sum is exact to about 1e-7 of the terms it adds up, so an element that
comes out near zero has no correct digits left to compare. The limit is 1e-4 relative, for a loss 1e-5.

Exit code: 0 all within, 1 beyond a limit, 65 a file is no case.`

const EXAMPLE = `
Example:
  $ tessera verify tests/parity/cases`

interface VerifyOptions {
  readonly engine?: EngineChoice
  readonly json?: true
}

/** Adds `verify FILE…` to the program. */
export function addVerifyCommand(program: Command): void {
  program
    .command('verify')
    .summary('check that this machine computes the reference numbers')
    .description(DESCRIPTION)
    .argument('<file...>', 'reference cases, or folders of them')
    .addOption(
      new Option('--engine <name>', 'engine to check (default: TESSERA_ENGINE, else auto)').choices([
        ...ENGINE_CHOICES,
      ]),
    )
    .option('--json', 'print one JSON document instead of tables')
    .addHelpText('after', EXAMPLE)
    .action(verify)
}

async function verify(paths: readonly string[], { engine, json }: VerifyOptions): Promise<void> {
  const files = paths.flatMap(caseFiles)
  const { name, description } = await startEngine(engine ? { engine } : {})
  if (!json) process.stdout.write(`${description}\n\n`)
  const outcomes: Outcome[] = []
  for (const path of files) {
    const outcome = await verifyFile(path)
    outcomes.push(outcome)
    if (!json) process.stdout.write(`${describeOutcome(outcome)}\n`)
  }
  process.stdout.write(json ? asJson(name, outcomes) : summarise(outcomes))
  throwIfFailed(outcomes)
}

async function verifyFile(path: string): Promise<Outcome> {
  try {
    const file = readCaseFile(path)
    return { path, kind: file.kind, differences: await compareCase(file) }
  } catch (thrown) {
    return { path, failure: asTesseraError(thrown) }
  }
}

/** @throws {TesseraError} ERR_CASE_FILE if a folder holds no case. */
function caseFiles(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path]
  const names = readdirSync(path).filter((name) => name.endsWith('.safetensors'))
  if (names.length === 0) throw new TesseraError('ERR_CASE_FILE', 'folder must hold *.safetensors, got none')
  return names.toSorted().map((name) => join(path, name))
}

function asJson(engine: string, outcomes: readonly Outcome[]): string {
  const files = outcomes.map((outcome) =>
    'failure' in outcome
      ? { path: outcome.path, code: outcome.failure.code, message: outcome.failure.message }
      : outcome,
  )
  return `${JSON.stringify({ engine, files }, null, 2)}\n`
}

function throwIfFailed(outcomes: readonly Outcome[]): void {
  for (const outcome of outcomes) {
    if ('failure' in outcome) {
      throw new TesseraError(outcome.failure.code, outcome.failure.message, { cause: outcome.failure.cause })
    }
  }
  const beyond = outcomes.flatMap((outcome) =>
    'failure' in outcome ? [] : outcome.differences.filter(({ passes }) => !passes),
  )
  if (beyond.length > 0) {
    throw new TesseraError(
      'ERR_CASE_DIFFERS',
      `every tensor must be within its limit, got ${beyond.length} beyond (first: ${beyond[0]?.name})`,
    )
  }
}
