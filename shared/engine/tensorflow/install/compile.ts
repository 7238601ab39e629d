/** @file Runs a build plan: all compilations on all cores, then the links. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '../../../errors.ts'
import type { BuildPlan, Command } from './build-plan.ts'
import type { CommandResult, Run } from './run.ts'

/**
 * Builds the addons and the probe.
 * @param objects Folder for the object files; made when it is not there.
 * @param onProgress Called after each file with 0 to 1 and what is next.
 * @throws {TesseraError} ERR_ENGINE_BUILD with the first error, ERR_ENGINE_COMPILER if the compiler is too old.
 */
export async function compileEngine(
  run: Run,
  plan: BuildPlan,
  objects: string,
  cores: number,
  onProgress: (done: number, text: string) => void,
): Promise<void> {
  await mkdir(join(objects, 'stubs'), { recursive: true })
  const waiting = [...plan.compile]
  const total = plan.compile.length + 1
  let built = 0
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      onProgress(built / total, next.title)
      await runOne(run, next).catch((failure: unknown) => {
        // The other cores end with what they are at.
        waiting.length = 0
        throw failure
      })
      built++
    }
  }
  const outcomes = await Promise.allSettled(Array.from({ length: Math.max(1, cores) }, work))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  for (const command of plan.link) {
    onProgress(built / total, command.title)
    await runOne(run, command)
  }
  onProgress(1, '')
}

async function runOne(run: Run, { command, args, title }: Command): Promise<void> {
  const result = await run(command, args)
  if (result === null) throw new TesseraError('ERR_ENGINE_COMPILER', `compiler must run, got no ${command}`)
  if (result.status === 0) return
  const got = firstError(result)
  if (/-std=c\+\+17|std=c\+\+17/.test(got))
    throw new TesseraError('ERR_ENGINE_COMPILER', `compiler must know C++17, got ${got}`)
  throw new TesseraError('ERR_ENGINE_BUILD', `${title} must be built, got ${got}`)
}

/** The first error that a compiler tells of, without the folders in front of file names. */
function firstError({ status, stderr }: CommandResult): string {
  const lines = stderr.split('\n')
  if (status === null || lines.some((line) => /Killed/.test(line)))
    return 'a compiler that was killed (too little memory?)'
  const line =
    lines.find((one) => /error|undefined reference|cannot find/i.test(one)) ?? `exit code ${status}`
  return line
    .trim()
    .replaceAll(/(\/[^\s:/]+)+\//g, '')
    .slice(0, 300)
}
