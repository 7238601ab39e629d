/** @file What the person at the terminal sees while a contest runs: one line on standard error, redrawn in place where that is possible. */

import { duration } from '@tessera/shared/stage-progress'
import type { ContestProgress } from './contest/referee.ts'

/** How a line of progress is shown. `prefix` says which contest of several runs. */
export function showProgress(prefix: string): (progress: ContestProgress) => void {
  const terminal = process.stderr.isTTY
  return ({ text, secondsLeft }) => {
    const left = secondsLeft === null ? '' : `, about ${duration(secondsLeft)} left`
    process.stderr.write(terminal ? `\r\u001B[2K${prefix}${text}${left}` : `${prefix}${text}${left}\n`)
  }
}

/** Takes the line of progress away. */
export function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001B[2K')
}
