import { createLog, type LogFields, type LogStyle, silentLog } from '@tessera/shared/log'
import { describe, expect, test } from 'vitest'
import { fakeClock } from '../support/fake-clock.ts'

function recorded(base?: LogFields) {
  const lines: string[] = []
  return { lines, log: createLog((line) => lines.push(line), fakeClock(Date.UTC(2026, 0, 2)), base) }
}

describe('createLog()', () => {
  test('writes one JSON line an event', () => {
    const { lines, log } = recorded()
    log.info('round.closed', { round: 3, sites: 2 })
    expect(lines).toEqual([
      '{"time":"2026-01-02T00:00:00.000Z","level":"info","event":"round.closed","round":3,"sites":2}\n',
    ])
  })
  test('a line break in a field stays inside its line', () => {
    const { lines, log } = recorded()
    log.error('site.refused', { reason: 'a\nb' })
    expect(lines[0]?.split('\n')).toHaveLength(2)
  })
  test('what steers a terminal is escaped, and the line still says the same', () => {
    const { lines, log } = recorded()
    const reason = '\u001b[2J\u009b1m\u202etumor\u2028'
    log.error('site.refused', { reason })
    expect(lines[0]?.trimEnd()).not.toMatch(/[\p{C}\p{Zl}]/u)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ reason })
  })
  test('a field that is not on the list does not reach the log', () => {
    const { lines, log } = recorded()
    const fields = { round: 1, file: '/data/slide-0042.svs', privateKey: 'd' }
    log.warn('tile.skipped', fields)
    log.child(fields).warn('tile.skipped')
    for (const line of lines)
      expect(Object.keys(JSON.parse(line))).toEqual(['time', 'level', 'event', 'round'])
  })
  test('a child adds its fields, and the line may replace them', () => {
    const { lines, log } = recorded({ study: 's' })
    log.child({ site: 'a', round: 1 }).info('x.y', { round: 2 })
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ study: 's', site: 'a', round: 2 })
  })
})

describe('createLog() for people', () => {
  const styled = (style: LogStyle) => {
    const lines: string[] = []
    return { lines, log: createLog((line) => lines.push(line), fakeClock(Date.UTC(2026, 0, 2)), {}, style) }
  }
  test('writes a line of text, and quotes what could look like another field', () => {
    const { lines, log } = styled({ format: 'text' })
    log.child({ study: 'colon' }).warn('site.absent', { round: 3, reason: 'a b=c\n"d" site=evil', loss: 0.5 })
    expect(lines).toEqual([
      '2026-01-02T00:00:00.000Z WARN  site.absent study=colon round=3 reason="a b=c\\n\\"d\\" site=evil" loss=0.5\n',
    ])
  })
  test('leaves out what is below its level, in children too', () => {
    const { lines, log } = styled({ level: 'warn' })
    log.info('a.b')
    log.child({ site: 'a' }).info('a.b')
    log.warn('c.d')
    log.child({ site: 'a' }).error('e.f')
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(['c.d', 'e.f'])
  })
})

test('silentLog writes nothing and its children neither', () => {
  expect(silentLog.child({ site: 'a' })).toBe(silentLog)
  expect(silentLog.error('x.y')).toBeUndefined()
})
