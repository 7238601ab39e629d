import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { fault } from '../../simulations/experiment/faults.ts'
import { experiment } from '../../simulations/experiment/schema.ts'

const page = readFileSync(fileURLToPath(new URL('../../docs/experiments.md', import.meta.url)), 'utf8')

/** First column of the table whose header begins with `head`. */
function column(head: string): string[] {
  const [, table = ''] = page.split(`| ${head} |`)
  const [block = ''] = table.split('\n\n')
  return [...block.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name ?? '')
}

describe('docs/experiments.md', () => {
  test('explains every field of the file, in its order', () => {
    const top = Object.entries(experiment.shape).flatMap(([name, field]) =>
      name === 'data'
        ? Object.keys((field as typeof experiment.shape.data).shape).map((inner) => `data.${inner}`)
        : [name],
    )
    expect(column('field')).toEqual(top)
  })
  test('names every split and every fault', () => {
    const kinds = (options: readonly z.ZodObject[], key: string): unknown[] =>
      options.map((option) => (option.shape[key] as z.ZodLiteral).value)
    const splits = experiment.shape.splits.element.options
    expect(column('split').map((text) => /by: (\w+)/.exec(text)?.[1])).toEqual(kinds(splits as never, 'by'))
    expect(column('fault').map((text) => /do: (\w+)/.exec(text)?.[1])).toEqual(
      kinds(fault.options as never, 'do'),
    )
  })
})
