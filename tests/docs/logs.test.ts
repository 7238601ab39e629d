import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { LOG_FIELDS } from '@tessera/shared/log'
import { expect, test } from 'vitest'
import { page, tableRows } from '../support/markdown.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const sources = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', 'shared', 'coordinator', 'site-agent'],
  {
    cwd: root,
    encoding: 'utf8',
  },
)
  .split('\n')
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) => {
    // A file that is moved is listed until the move is committed.
    try {
      return [readFileSync(`${root}${file}`, 'utf8')]
    } catch {
      return []
    }
  })

/** Events whose name is that of the stored event: office.ts and announce.ts log them as `event.type`. */
const BY_TYPE = [
  'kit.issued',
  'kits.withdrawn',
  'site.approved',
  'site.revoked',
  'study.paused',
  'study.unpaused',
  'study.cancelled',
]

test('docs/logs.md has one row an event of the sources, with its levels, and no other', () => {
  const levels = new Map<string, Set<string>>(BY_TYPE.map((event) => [event, new Set(['info'])]))
  for (const text of sources) {
    // Also `notes.log?.warn(`, and over a line's end.
    for (const [, level = '', event = ''] of text.matchAll(/[lL]og\??\.(info|warn|error)\(\s*'([a-z.-]+)'/g))
      levels.set(event, (levels.get(event) ?? new Set()).add(level))
  }
  expect(levels.size).toBeGreaterThan(40)
  const want = [...levels].map(([event, all]) => [`\`${event}\``, [...all].toSorted().join(', ')])
  const rows = tableRows(page('docs/logs.md'), '## Events')
  expect(rows.map(([event, level]) => [event, level])).toEqual(
    want.toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1)),
  )
  for (const [event, , meaning = ''] of rows) expect(meaning, event).toMatch(/^[A-Z].+\.$/)
})

test('docs/logs.md has one row a field', () => {
  const rows = tableRows(page('docs/logs.md'), '## Fields')
  expect(rows.map(([field]) => field)).toEqual([...LOG_FIELDS].map((name) => `\`${name}\``))
})
