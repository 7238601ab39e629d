import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ERROR_CODES } from '@tessera/shared/errors'
import { signedPayloads } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import { commentsOf } from '../../docs/build/comments.ts'
import { referencePages } from '../../docs/build/reference.ts'
import { page, tableRows } from '../support/markdown.ts'

const folder = fileURLToPath(new URL('../../docs/reference/', import.meta.url))
const pages = await referencePages()
/** Rows of all tables of a page that end with a meaning. */
const rows = (name: string): string[][] => tableRows(page(`docs/reference/${name}`), headingOf(name))
const headingOf = (name: string): string => page(`docs/reference/${name}`).split('\n')[2] ?? ''

describe('docs/reference', () => {
  test('has the pages that the source makes, and no other', () => {
    expect(readdirSync(folder).toSorted()).toEqual([...pages.keys()].toSorted())
  })
  test.each([...pages.keys()])('%s is what `npm run build:docs` writes', (name) => {
    expect(page(`docs/reference/${name}`)).toBe(pages.get(name))
  })
  test.each(['coordinator-json.md', 'policy-yaml.md', 'experiment.md', 'limits.md', 'metrics.md'])(
    '%s has a sentence for every line',
    (name) => {
      expect(rows(name).length).toBeGreaterThan(9)
      for (const row of rows(name)) expect(row.at(-1), row[0]).toMatch(/\w.*[.]$/)
    },
  )
  test('study.md has a sentence for every field of a study and of a teacher', () => {
    const fields = rows('study.md').filter((row) => row.length === 4)
    expect(fields.length).toBeGreaterThan(40)
    for (const row of fields) expect(row[3], row[0]).toMatch(/\w.*[.]$/)
  })
  test('messages.md says of every message and signed part what it is', () => {
    const sections = (pages.get('messages.md') ?? '').split(/^### /m).slice(1)
    expect(sections.length).toBeGreaterThan(19 + Object.keys(signedPayloads).length - 1)
    for (const section of sections) expect(section, section.split('\n')[0]).toMatch(/^\S+\n\n[A-Z].*\./)
  })
  test('names no code that does not exist', () => {
    const named = [...pages.values()].flatMap((text) => text.match(/ERR_[A-Z_]+/g) ?? [])
    expect(named.filter((code) => !Object.hasOwn(ERROR_CODES, code))).toEqual([])
  })
})

describe('commentsOf()', () => {
  test('finds what stands above a field, by the constant and the keys around it', () => {
    const comments = commentsOf(`
/** A study. */
export const study = z.strictObject({
  /** Its name, as {@link import('./names.ts').name} has it. */
  id: name,
  tile: z.strictObject({ sizePx: z.int(), /** Of the stain,
     * in words. */ stain: z.string() }).refine(({ stain }) => stain !== '{', 'no { here'),
})
/** Another. */
const other = 1`)
    expect(Object.fromEntries(comments)).toEqual({
      study: 'A study.',
      'study.id': 'Its name, as `name` has it.',
      'study.tile.stain': 'Of the stain, in words.',
      other: 'Another.',
    })
  })
  test('tells the options of a choice apart by their literal', () => {
    const comments = commentsOf(`const rule = z.discriminatedUnion('by', [
      /** Evenly. */
      z.strictObject({ by: z.literal('even'), /** How many. */ sites: z.int() }),
      z.strictObject({
        by: z.literal('share'),
        /** Of the first. */
        alpha: z.number(),
      }),
    ])`)
    expect(Object.fromEntries(comments)).toEqual({
      'rule.even': 'Evenly.',
      'rule.even.sites': 'How many.',
      'rule.share.alpha': 'Of the first.',
    })
  })
})
