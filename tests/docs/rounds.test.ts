import { MAX_ATTEMPTS } from '@tessera/coordinator/rounds'
import { MAX_STRETCH, study, studyPhase } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import { page, tableRows } from '../support/markdown.ts'

const text = page('docs/rounds.md')
const { federation } = study.parse({
  id: 'a',
  seed: 'a',
  classes: ['a', 'b'],
  tile: { sizePx: 32 },
  student: {},
  method: { name: 'ce' },
  training: { rounds: 1 },
})
const DAY_MS = 24 * 3600 * 1000
/** A default as the table says it. */
const said = (value: unknown): string => {
  if (value === null) return 'none'
  if (value === DAY_MS) return '1 day'
  return typeof value === 'string' ? `\`${value}\`` : JSON.stringify(value)
}

describe('docs/rounds.md', () => {
  test('has a row for every setting of the rounds, with its default and a reason', () => {
    const rows = tableRows(text, '## Settings')
    const settings = rows.map(([setting = '']) => setting.replaceAll('`', '')) as (keyof typeof federation)[]
    expect(rows.map((row) => row[1])).toEqual(settings.map((setting) => said(federation[setting])))
    // What an aggregate is made of is no matter of rounds.
    const others = new Set(['encoding', 'guards', 'maxNorm', 'maxShare', 'strategy'])
    const fields = Object.keys(federation).filter((field) => !others.has(field))
    expect(settings.toSorted()).toEqual(fields.toSorted())
    for (const row of rows) expect(row[2]).toMatch(/\w\.$/)
  })
  test('draws every phase, and names the limits as they are', () => {
    for (const phase of studyPhase.options) expect(text).toMatch(new RegExp(`(--> |  )${phase}\\b`))
    expect(text).toContain(`${MAX_ATTEMPTS} times running`)
    expect(text).toContain(`At most ${MAX_STRETCH.toLocaleString('en')}`)
  })
})
