import { bar } from '@tessera/shared/work-line'
import { describe, expect, test } from 'vitest'
import { auditTable } from '../../../site-agent/screen/audit-table.ts'
import { dataLines, leakLines } from '../../../site-agent/screen/data-table.ts'
import { createScreen, progressText } from '../../../site-agent/screen/progress-line.ts'
import { table } from '../../../site-agent/screen/table.ts'

describe('table()', () => {
  test('flushes numbers right and texts left', () => {
    expect(
      table([
        ['class', 'tiles'],
        ['benign', 7],
        ['a', 1200],
      ]),
    ).toEqual(['class   tiles', 'benign      7', 'a        1200'])
  })
  test('a cell cannot steer the terminal, nor begin a row', () => {
    expect(
      table([
        ['class', 'tiles'],
        ['\u001b[2J\u202ea\nb', 7],
      ]),
    ).toEqual([`class${' '.repeat(20)}tiles`, `${String.raw`\u001b[2J\u202ea\u000ab`}      7`])
  })
  test('is empty for no rows', () => expect(table([])).toEqual([]))
})

describe('progressText()', () => {
  test('shows round, share, loss and time left in one line', () => {
    const event = {
      kind: 'training',
      round: 2,
      rounds: 10,
      step: 3,
      steps: 4,
      loss: 0.81234,
      secondsLeft: 12,
    } as const
    expect(progressText(event)).toEqual({
      line: 'round 2 of 10 [##################------]  75 % loss 0.812, 12 s left',
    })
  })
  test('notes what has happened', () => {
    const event = { kind: 'published', round: 10, student: 'x', sites: 1, final: true } as const
    expect(progressText(event)).toEqual({ note: 'round 10 published, from 1 site. The study is finished' })
  })
  test('a bar stays within its cells', () => {
    expect(bar(0)).toBe(`[${'-'.repeat(24)}]   0 %`)
    expect(bar(1)).toBe(`[${'#'.repeat(24)}] 100 %`)
  })
})

test('createScreen() rewrites the line and keeps the notes above it', () => {
  let terminal = ''
  const screen = createScreen((text) => {
    terminal += text
  })
  screen.show({ kind: 'fetching', bytes: 1, totalBytes: 2 })
  screen.note('hello')
  screen.show({ kind: 'declined', round: 1, code: 'ERR_MODEL_HASH' })
  screen.close()
  const line = `fetching model ${bar(0.5)} of 2 B`
  const clear = '\r\u001b[K'
  expect(terminal).toBe(
    `${clear}${line}${clear}hello\n${line}${clear}round 1 goes on without this site: ERR_MODEL_HASH\n${clear}`,
  )
})

test('createScreen() shows a text that would steer the terminal as it is written', () => {
  let terminal = ''
  const screen = createScreen((text) => {
    terminal += text
  })
  screen.show({ kind: 'waiting', round: 1, code: 'ERR_POLICY_STUDY', reason: '\u001b[2J\u202e\nx' })
  expect(terminal).toBe(`\r\u001b[K${String.raw`round 1 waits: \u001b[2J\u202e\u000ax`}\n`)
})

test('dataLines() counts classes and reasons', () => {
  const lines = dataLines({
    tiles: 3,
    classCounts: [
      { name: 'normal', tiles: 1, parts: { train: 1, val: 0, test: 0 } },
      { name: 'tumor', tiles: 2, parts: { train: 2, val: 0, test: 0 } },
    ],
    skipped: { ERR_DATA_TILE_UNREADABLE: 1, ERR_DATA_TILE_NOT_RGB: 2, ERR_DATA_TILE_TOO_LARGE: 0 },
    parts: null,
    labels: [{ label: 'tumor', className: 'tumor', tiles: 2 }],
    nearDuplicates: null,
    leaks: { patient: 0, slide: 0, group: 0, duplicate: 0, 'near-duplicate': 0 },
    duplicates: 2,
    contradictions: 1,
    resized: 0,
    otherFiles: 4,
    missingClasses: [],
    inMemory: true,
  })
  expect(lines).toEqual([
    'class   tiles',
    'normal      1',
    'tumor       2',
    'total       3',
    '',
    'skipped      3: 1 unreadable, 2 not 8-bit RGB, 0 too large',
    'duplicates   2, of which 1 under another class',
    'resized      0',
    'other files  4',
  ])
})

test('leakLines() show twenty pairs and count the rest', () => {
  const pair = { kind: 'near-duplicate', distance: 3, first: 'a', second: 'b' } as const
  const named = {
    skipped: [],
    nearDuplicates: [],
    isCut: true,
    leaks: Array.from({ length: 22 }, () => pair),
  }
  const lines = leakLines(named)
  expect(lines.slice(0, 2)).toEqual(['In two parts:', '  near-duplicate, 3 bits: a, b'])
  expect(lines).toHaveLength(22)
  expect(lines.at(-1)).toBe('and 2 or more other pairs: --show-bad lists them')
  expect(leakLines({ ...named, leaks: [] })).toEqual([])
})

test('auditTable() draws neighbours of one kind together and sums up by study, day and kind', () => {
  const entry = (seq: number, kind: string, bytes: number, why: string, study?: string) => ({
    seq,
    kind,
    bytes,
    why,
    sha256: '',
    previous: '',
    time: `2026-01-01T00:00:0${seq}.000Z`,
    ...(study === undefined ? {} : { study }),
  })
  const shown = auditTable((time) => (time < '2026-01-01T00:00:04' ? '2025-12-31' : '2026-01-01'))
  shown.add(entry(0, 'connect', 13, 'opens'))
  shown.add(entry(1, 'upload:open', 900, 'announces', 'colon'))
  shown.add(entry(2, 'upload:chunk', 500_000, 'bytes 0 to 500000', 'colon'))
  shown.add(entry(3, 'upload:chunk', 300_000, 'bytes 500000 to 800000', 'colon'))
  shown.add(entry(4, 'upload:open', 900, 'announces', 'lung'))
  expect(shown.lines()).toEqual([
    'when                      what          frames  size      why',
    '2026-01-01T00:00:00.000Z  connect            1  13 B      opens',
    '2026-01-01T00:00:01.000Z  upload:open        1  900 B     announces',
    '2026-01-01T00:00:02.000Z  upload:chunk       2  800.0 kB  bytes 0 to 500000 … bytes 500000 to 800000',
    '2026-01-01T00:00:04.000Z  upload:open        1  900 B     announces',
    '',
    'study     frames  size',
    'no study       1  13 B',
    'colon          3  800.9 kB',
    'lung           1  900 B',
    '',
    'day         frames  size',
    '2025-12-31       4  800.9 kB',
    '2026-01-01       1  900 B',
    '',
    'what          frames  size',
    'connect            1  13 B',
    'upload:open        2  1.8 kB',
    'upload:chunk       2  800.0 kB',
    'total              5  801.8 kB',
  ])
})
