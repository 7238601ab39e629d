/** @file `tessera doctor`: which engine runs here, how fast, and what is missing. */
import { availableParallelism } from 'node:os'
import { describeExamination, type Examination, examine } from '@tessera/shared/engine/doctor'
import { createRun, engineFolder, readMachine } from '@tessera/shared/engine/install'
import { untilStopped } from '@tessera/shared/until-stopped'
import type { Command } from 'commander'

const DESCRIPTION = `Says which engine computes here and why, and what this machine lacks.

Three short kernels are timed and held against what the processor can reach: measured by a probe in C++, or,
without a compiler, estimated from its instruction sets and clock. Takes about ten seconds. Changes nothing.

Exit code: 0 an engine runs, 69 none does.`

/** Adds `doctor` to the program. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .summary('which engine runs here, how fast, and what is missing')
    .description(DESCRIPTION)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ tessera doctor')
    .action(doctor)
}

async function doctor({ json }: { json?: true }): Promise<void> {
  const found = await untilStopped((signal) =>
    examine({
      run: createRun(signal),
      machine: readMachine(availableParallelism()),
      env: process.env,
      folder: engineFolder(process.env),
      nowMs: () => performance.now(),
    }),
  )
  process.stdout.write(json ? asJson(found) : describeExamination(found))
  if (found.failure !== null) throw found.failure
}

function asJson({ failure, native, ...rest }: Examination): string {
  const { files: _, ...manifest } = native.manifest ?? { files: {} }
  const document = {
    ...rest,
    failure: failure === null ? null : { code: failure.code, message: failure.message },
    native: { ...native, manifest: native.manifest === null ? null : manifest },
  }
  return `${JSON.stringify(document, null, 2)}\n`
}
