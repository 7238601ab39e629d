import { describe, expect, test } from 'vitest'
import type { AgentEvent } from '../../../site-agent/session/events.ts'
import { throttled } from '../../../site-agent/session/progress.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const DAY_MS = 24 * 3600 * 1000
const at = (step: number): AgentEvent => ({
  kind: 'training',
  round: 1,
  rounds: 2,
  step,
  steps: 9,
  loss: 1,
  secondsLeft: 1,
})

function throttling() {
  const clock = fakeClock()
  const passed: number[] = []
  const tell = throttled(clock, (event) => passed.push(event.kind === 'training' ? event.step : -1))
  return { clock, passed, tell }
}

describe('throttled()', () => {
  test('passes one event of a kind in half a second, and always the last', () => {
    const { clock, passed, tell } = throttling()
    for (const step of [1, 2, 3]) tell(at(step))
    clock.advance(500)
    for (const step of [4, 9]) tell(at(step))
    expect(passed).toEqual([1, 4, 9])
  })

  test.each([DAY_MS, -DAY_MS])('goes on when the date jumps by %d ms', (jumpMs) => {
    const { clock, passed, tell } = throttling()
    tell(at(1))
    clock.jump(jumpMs)
    tell(at(2))
    clock.advance(500)
    tell(at(3))
    expect(passed).toEqual([1, 3])
  })
})
