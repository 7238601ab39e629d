/** @file How `tessera verify` tells what it found: a table a file, and one line at the end. */
import type { TesseraError } from '@tessera/shared/errors'
import type { Difference } from './compare.ts'

/** What became of one file. */
export type Outcome =
  | { readonly path: string; readonly kind: string; readonly differences: readonly Difference[] }
  | { readonly path: string; readonly failure: TesseraError }

/** Returns the table of one file. */
export function describeOutcome(outcome: Outcome): string {
  if ('failure' in outcome) {
    return `${outcome.path}\n  not compared: ${outcome.failure.message} (${outcome.failure.code})\n`
  }
  const rows = outcome.differences.map(({ name, shape, absolute, relative, limit, passes }) => [
    name,
    shape.length === 0 ? 'scalar' : shape.join('×'),
    absolute.toExponential(2),
    relative.toExponential(2),
    limit.toExponential(0),
    passes ? 'ok' : 'DIFFERS',
  ])
  const table = [['tensor', 'shape', 'absolute', 'relative', 'limit', ''], ...rows]
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? []
  const lines = table.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  )
  return `${outcome.path} (${outcome.kind})\n${lines.join('\n')}\n`
}

/** Returns the last line: how many, how far at most, and whether all is within its limit. */
export function summarise(outcomes: readonly Outcome[]): string {
  const compared = outcomes.flatMap((outcome) => ('failure' in outcome ? [] : outcome.differences))
  const failed = outcomes.filter((outcome) => 'failure' in outcome).length
  const beyond = compared.filter(({ passes }) => !passes).length
  if (compared.length === 0)
    return `nothing compared: ${count(failed, 'file')} could not be read or computed\n`
  const parts = [
    `${count(compared.length, 'tensor')} of ${count(outcomes.length - failed, 'file')} compared`,
    `largest relative difference ${largest(compared.filter(({ name }) => !name.startsWith('loss')))}`,
    `of a loss ${largest(compared.filter(({ name }) => name.startsWith('loss')))}`,
    beyond === 0 ? 'all within their limits' : `${count(beyond, 'tensor')} beyond the limit`,
    ...(failed > 0 ? [`${count(failed, 'file')} not compared`] : []),
  ]
  return `${parts.join(', ')}\n`
}

function largest(differences: readonly Difference[]): string {
  if (differences.length === 0) return 'none'
  return Math.max(...differences.map(({ relative }) => relative)).toExponential(2)
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
