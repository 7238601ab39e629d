/** @file A preflight's findings for people. */
import type { Finding } from '../preflight/finding.ts'
import { table } from './table.ts'

/** A line a finding, and below it what to do. */
export function findingLines(findings: readonly Finding[]): string[] {
  const lines = table([
    ['check', 'result', 'what was found'],
    ...findings.map(({ name, status, text }) => [name, status === 'fail' ? 'FAIL' : status, text]),
  ])
  return lines.flatMap((line, i) => {
    const advice = findings[i - 1]?.advice ?? ''
    return advice === '' ? [line] : [line, `             -> ${advice}`]
  })
}
