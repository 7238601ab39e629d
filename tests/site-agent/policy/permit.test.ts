import { TesseraError } from '@tessera/shared/errors'
import { describe, expect, test } from 'vitest'
import { createPermit } from '../../../site-agent/policy/index.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const paused = () => new TesseraError('ERR_POLICY_PAUSED', 'paused')
const hours = () => new TesseraError('ERR_POLICY_HOURS', 'hours')

function setup(ask: () => void) {
  const clock = fakeClock()
  const waits: string[] = []
  const permit = createPermit({ ask, clock, onWaiting: (round, { code }) => waits.push(`${round} ${code}`) })
  return { clock, waits, permit, stop: new AbortController() }
}
/** Until the permit sleeps again. */
const asleep = async (clock: ReturnType<typeof fakeClock>): Promise<void> => {
  while (clock.pending() === 0) await Promise.resolve()
}

describe('createPermit()', () => {
  test('does at once what is allowed', async () => {
    const { permit, stop, waits } = setup(() => undefined)
    expect(await permit('train', 1, stop.signal, async () => 'done')).toBe('done')
    expect(waits).toEqual([])
  })

  test('waits for what passes, and says each new reason once', async () => {
    const reasons = [paused(), paused(), hours()]
    const { clock, permit, stop, waits } = setup(() => {
      const reason = reasons.shift()
      if (reason) throw reason
    })
    const done = permit('train', 3, stop.signal, async () => 'done')
    for (let i = 0; i < 3; i++) {
      await asleep(clock)
      clock.advance(1000)
    }
    expect(await done).toBe('done')
    expect(waits).toEqual(['3 ERR_POLICY_PAUSED', '3 ERR_POLICY_HOURS'])
  })

  test('begins the work again that a pause has stopped', async () => {
    let tries = 0
    const { clock, permit, stop } = setup(() => undefined)
    const done = permit('send', 1, stop.signal, async () => {
      if (++tries === 1) throw paused()
      return tries
    })
    await asleep(clock)
    clock.advance(1000)
    expect(await done).toBe(2)
  })

  test('gives up on what does not pass, and on a stop', async () => {
    const limit = new TesseraError('ERR_POLICY_LIMIT', 'limit')
    const never = setup(() => {
      throw limit
    })
    await expect(never.permit('train', 1, never.stop.signal, async () => 0)).rejects.toBe(limit)
    const { clock, permit, stop } = setup(() => {
      throw paused()
    })
    const done = permit('train', 1, stop.signal, async () => 0)
    await asleep(clock)
    stop.abort()
    await expect(done).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    expect(clock.pending()).toBe(0)
  })
})
