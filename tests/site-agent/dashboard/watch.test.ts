import type { AgentEvent } from '@tessera/site-agent'
import { describe, expect, test } from 'vitest'
import { createWatch } from '../../../site-agent/dashboard/watch.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const joined: AgentEvent = { kind: 'joined', study: 'tiny', site: 'north', rounds: 3 }
const training = (step: number, round = 1): AgentEvent => ({
  kind: 'training',
  round,
  rounds: 3,
  step,
  steps: 10,
  loss: 1 / step,
  parts: { ce: 0.5, kl: 0.25, nce: null },
  imagesPerSecond: 20,
  secondsLeft: 10 - step,
})
const trained: AgentEvent = {
  kind: 'trained',
  round: 1,
  base: '',
  encoding: 'f32',
  bytes: 1000,
  payload: 'p',
  policyHash: 'h',
  samples: 12,
  metrics: { loss: 0.5, ce: 0.5, kl: null, nce: null, correct: 6, seen: 12, skippedTiles: 0, seconds: 1 },
}
const approval: AgentEvent = {
  kind: 'waiting',
  round: 1,
  code: 'ERR_POLICY_APPROVAL',
  reason: 'not approved',
}
const paused: AgentEvent = { kind: 'waiting', round: 1, code: 'ERR_POLICY_PAUSED', reason: 'paused' }
const delivered: AgentEvent = { ...trained, kind: 'delivered', attempt: 1 }
const published = (final: boolean): AgentEvent => ({
  kind: 'published',
  round: 1,
  student: 's',
  sites: 3,
  final,
})

function watched(...events: AgentEvent[]) {
  const clock = fakeClock()
  const watch = createWatch(clock)
  for (const event of events) watch.see(event)
  return { clock, watch }
}

describe('a watch', () => {
  test('says what the round is at, how fast, and how long it will take', () => {
    const { watch } = watched(joined, training(1), training(2))
    expect(watch.agent()).toMatchObject({ state: 'training', code: null })
    expect(watch.round()).toMatchObject({
      round: 1,
      rounds: 3,
      step: 2,
      steps: 10,
      parts: { ce: 0.5, kl: 0.25, nce: null },
      imagesPerSecond: 20,
      secondsLeft: 8,
      curve: { steps: [1, 2], losses: [1, 0.5] },
    })
  })

  test('begins a new curve with a new round', () => {
    const { watch } = watched(joined, training(1), training(2), training(1, 2))
    expect(watch.round()).toMatchObject({ round: 2, curve: { steps: [1] } })
  })

  test('knows what waits to leave until it has left', () => {
    const { watch } = watched(joined, training(10), trained, approval)
    expect(watch.agent()).toEqual({
      state: 'waiting',
      code: 'ERR_POLICY_APPROVAL',
      reason: 'not approved',
      toApprove: 1,
    })
    expect(watch.leaving()).toMatchObject({ round: 1, payload: 'p' })
    watch.see({ kind: 'uploading', round: 1, bytes: 500, totalBytes: 1000 })
    expect(watch.agent()).toMatchObject({ state: 'uploading', toApprove: null })
    expect(watch.round()).toMatchObject({ bytesDone: 500, bytesTotal: 1000 })
    watch.see(delivered)
    expect(watch.agent()).toMatchObject({ state: 'idle' })
    expect(watch.leaving()).toBeNull()
  })

  test('says why it waits, and asks for no approval in a pause', () => {
    const { watch } = watched(joined, paused)
    expect(watch.agent()).toEqual({
      state: 'waiting',
      code: 'ERR_POLICY_PAUSED',
      reason: 'paused',
      toApprove: null,
    })
    expect(watch.round()).toMatchObject({ round: 1, step: 0 })
  })

  test.each<[AgentEvent, string]>([
    [{ kind: 'declined', round: 1, code: 'ERR_POLICY_LIMIT' }, 'declined'],
    [{ kind: 'cancelled' }, 'cancelled'],
    [{ kind: 'left' }, 'left'],
    [published(true), 'finished'],
  ])('%j ends the work: %s', (event, state) => {
    const { watch } = watched(joined, training(10), trained, event)
    expect(watch.agent().state).toBe(state)
    expect(watch.leaving()).toBeNull()
  })

  test('goes on with a later round when one is published', () => {
    const { watch } = watched(joined, training(1, 2), published(false))
    expect(watch.agent().state).toBe('training')
  })

  test('has started once it has joined and has its tiles, in either order', () => {
    const data = { kind: 'data', report: {} } as AgentEvent
    expect(watched(joined).watch.agent().state).toBe('starting')
    expect(watched(joined, data).watch.agent().state).toBe('idle')
    expect(watched(data, joined).watch.agent().state).toBe('idle')
  })

  test('says since when the coordinator is gone, however often it was tried', () => {
    const { watch, clock } = watched(joined)
    const sinceMs = clock.now()
    const gone: AgentEvent = { kind: 'unreached', code: 'ERR_CONNECTION_LOST', reason: 'gone' }
    watch.see(gone)
    clock.advance(60_000)
    watch.see(gone)
    expect(watch.connection()).toEqual({
      state: 'lost',
      sinceMs,
      code: 'ERR_CONNECTION_LOST',
      reason: 'gone',
    })
    watch.see(joined)
    expect(watch.connection()).toEqual({ state: 'joined', sinceMs: clock.now(), code: null, reason: null })
  })
})
