import { initialRounds, type RoundsState } from '@tessera/coordinator/rounds'
import { TesseraError } from '@tessera/shared/errors'
import { silentLog } from '@tessera/shared/log'
import { describe, expect, test } from 'vitest'
import { createDrive, type DriveOptions } from '../../../coordinator/running/drive.ts'
import { createQueue } from '../../../coordinator/running/queue.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { HASH } from '../../support/signed-parts.ts'
import { tinyStudy } from '../rounds/machine.ts'

/** A drive over a machine that has so many steps to take; `faults` holds what ended it. */
function driven(steps: number, options: Partial<DriveOptions> = {}) {
  const clock = fakeClock()
  const faults: string[] = []
  let [left, ticks] = [steps, 0]
  const drive = createDrive({
    clock,
    log: silentLog,
    deciding: createQueue(),
    state: () => initialRounds(tinyStudy(), HASH('0')),
    now: () => clock.now(),
    async tick() {
      ticks++
      return left-- > 0 ? 1 : 0
    },
    publish: async () => undefined,
    onFault: ({ code }) => void faults.push(code),
    ...options,
  })
  return { clock, drive, faults, ticks: () => ticks }
}

describe('createDrive()', () => {
  test('ticks until nothing follows', async () => {
    const { drive, ticks } = driven(3)
    await drive.advance()
    expect(ticks()).toBe(4)
  })

  test('what fails and may pass is tried again after half a minute; what cannot pass ends the study', async () => {
    const { clock, drive, faults, ticks } = driven(0)
    drive.inBackground(() => Promise.reject(new TesseraError('ERR_STORE_WRITE', 'store must be writable')))
    await expect.poll(() => clock.pending()).toBe(1)
    clock.advance(29_999)
    expect(ticks()).toBe(0)
    clock.advance(1)
    await expect.poll(ticks).toBe(1)
    expect(faults).toEqual([])
    drive.inBackground(() => Promise.reject(new TesseraError('ERR_STORE_CORRUPT', 'file must be whole')))
    await expect.poll(() => faults).toEqual(['ERR_STORE_CORRUPT'])
  })

  test('makes one student at a time, and stops when it is made', async () => {
    let state: RoundsState = { ...initialRounds(tinyStudy(), HASH('0')), phase: 'closed' }
    let [made, done] = [0, (): void => undefined]
    const { drive, ticks } = driven(0, {
      state: () => state,
      publish() {
        made++
        return new Promise((resolve) => (done = resolve))
      },
    })
    const first = drive.advance()
    await drive.advance()
    expect(made).toBe(1)
    let stopped = false
    const stopping = drive.stop().then(() => void (stopped = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(stopped).toBe(false)
    state = { ...state, phase: 'waiting' }
    done()
    await Promise.all([first, stopping])
    const before = ticks()
    await drive.advance()
    expect([made, ticks()]).toEqual([1, before])
  })
})
