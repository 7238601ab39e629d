/** @file A `Run` whose programs are functions: no process starts. */
import type { CommandResult, Run } from '../../shared/engine/tensorflow/install/run.ts'

export interface FakeCall {
  readonly command: string
  readonly args: readonly string[]
}

/** What a program answers; what is left out is success in silence. Null: there is no such program. */
export type Answer = Partial<CommandResult> | null

/** Answers every call by `answer`, and keeps all calls. */
export function fakeRun(answer: (call: FakeCall) => Answer | Promise<Answer>): {
  run: Run
  calls: FakeCall[]
} {
  const calls: FakeCall[] = []
  const run: Run = async (command, args) => {
    calls.push({ command, args })
    const given = await answer({ command, args })
    return given === null ? null : { status: 0, stdout: '', stderr: '', ...given }
  }
  return { run, calls }
}
