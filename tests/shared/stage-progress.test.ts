import { createProgress, duration } from '@tessera/shared/stage-progress'
import { describe, expect, test } from 'vitest'
import { fakeClock } from '../support/fake-clock.ts'

const STAGES = [
  { name: 'teacher', title: 'teacher', work: 100 },
  { name: 'fed', title: 'federated', work: 300 },
]

function screen(columns: number | null): {
  columns: number | null
  write(text: string): void
  text(): string
} {
  const parts: string[] = []
  return { columns, write: (text) => void parts.push(text), text: () => parts.join('') }
}

describe('createProgress()', () => {
  test('redraws a line a stage in place, cut to the terminal', () => {
    const clock = fakeClock()
    const terminal = screen(90)
    const progress = createProgress(STAGES, terminal, clock)
    progress.start('teacher')
    progress.report('teacher', { done: 0.5, text: `round 2/4, loss 0.91 ${'x'.repeat(100)}` })
    clock.advance(300)
    progress.close()
    const last = terminal.text().split('\u001B[3A').at(-1)?.split('\n') ?? []
    expect(last).toHaveLength(4)
    const lines = last.map((line) => line.replace('\u001B[2K', ''))
    expect(lines[0]).toMatch(/▸ teacher +█{10}░{10} +50 % +0 s {2}round 2\/4, loss 0\.91/)
    expect(lines[1]).toMatch(/· federated/)
    for (const line of lines) expect(line.length).toBeLessThan(90)
  })

  test('a note stays above the stages, whole', () => {
    const clock = fakeClock()
    const terminal = screen(60)
    const progress = createProgress(STAGES, terminal, clock)
    const address = `http://127.0.0.1:7433/${'x'.repeat(80)}`
    progress.note(address)
    // Up over the lines that were drawn, which are cleared; then drawn again below.
    const [, after = ''] = terminal.text().split('\u001B[J')
    expect(after.startsWith(`${address}\n\u001B[2K`)).toBe(true)
    progress.close()
  })

  test('writes plain lines where nothing can be redrawn', () => {
    const clock = fakeClock()
    const log = screen(null)
    const progress = createProgress(STAGES, log, clock)
    progress.start('teacher')
    progress.report('teacher', { done: 0.25, text: 'round 1/4' })
    clock.advance(5000)
    progress.finish('teacher', 12, false)
    progress.close()
    expect(log.text()).not.toContain('\u001B')
    expect(log.text()).toContain(
      '5 s elapsed, about 1:15 left, 0 of 2 stages done | teacher 25 % (round 1/4)',
    )
    expect(log.text()).toMatch(/✓ teacher +12 s\n/)
  })

  test('estimates what is left from the work done, leaving out what an earlier run did', () => {
    const clock = fakeClock()
    const log = screen(null)
    const progress = createProgress([...STAGES, { name: 'old', title: 'old', work: 1e6 }], log, clock)
    progress.finish('old', 60, true)
    progress.start('teacher')
    progress.report('teacher', { done: 1, text: '' })
    clock.advance(20_000)
    // 100 units in 20 s; 300 are left.
    expect(log.text()).toContain('20 s elapsed, about 1:00 left')
    progress.close()
  })

  test('promises nothing before a twentieth is done', () => {
    const clock = fakeClock()
    const log = screen(null)
    const progress = createProgress(STAGES, log, clock)
    progress.start('teacher')
    progress.report('teacher', { done: 0.15, text: '' })
    clock.advance(30_000)
    expect(log.text()).not.toContain('left')
    progress.report('teacher', { done: 0.25, text: '' })
    clock.advance(5000)
    expect(log.text()).toContain('35 s elapsed, about 8:45 left')
    progress.close()
  })

  test('leaves no timer behind', () => {
    const clock = fakeClock()
    createProgress(STAGES, screen(null), clock).close()
    expect(clock.pending()).toBe(0)
  })
})

test('duration() is short', () => {
  expect([0, 59.4, 60, 65, 3725].map(duration)).toEqual(['0 s', '59 s', '1:00', '1:05', '1:02:05'])
})
