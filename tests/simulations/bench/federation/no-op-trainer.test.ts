import type { Weights } from '@tessera/shared/model'
import type { TrainerFactory } from '@tessera/site-agent'
import { describe, expect, test } from 'vitest'
import { createHold, noOpTrainer } from '../../../../simulations/bench/federation/no-op-trainer.ts'
import { federationStudy } from '../../../../simulations/bench/federation/studies.ts'

const STUDENT: Weights = new Map([['fc.weight', Float32Array.of(1, -2, 0.5)]])

function options(): Parameters<TrainerFactory>[0] {
  const labels = Int32Array.of(0, 1)
  const tiles = { sizePx: 16, count: 2, labels, classCounts: [1, 1], skipped: 0, async *batches() {} }
  return { study: federationStudy('small', 1), teacher: null, tiles, site: 'site-0' }
}

/** What is left of a promise after a turn of the event loop. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const turn = new Promise<string>((resolve) => setImmediate(() => resolve('pending')))
  return (await Promise.race([promise, turn])) === 'pending'
}

describe('createHold()', () => {
  test('holds a round until it is released, and lets earlier ones through', async () => {
    const hold = createHold()
    hold.release(2)
    await hold.pass(1)
    await hold.pass(2)
    const third = hold.pass(3).then(() => 'through')
    expect(await isPending(third)).toBe(true)
    hold.release(3)
    expect(await third).toBe('through')
  })
  test('a stop ends the wait with its reason', async () => {
    const stop = new AbortController()
    const waiting = createHold().pass(1, stop.signal)
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await expect(createHold().pass(1, stop.signal)).rejects.toThrow('enough')
  })
})

describe('noOpTrainer()', () => {
  test('moves every value by the step of its site, so that no two sites send the same', async () => {
    const hold = createHold()
    hold.release(1)
    const trained = await Promise.all(
      [0, 1000].map(async (index) => {
        const trainer = await noOpTrainer(hold, index, () => undefined)(options())
        return (await trainer.trainRound({ round: 1, student: STUDENT })).student.get('fc.weight')
      }),
    )
    expect(trained[0]).toEqual(Float32Array.of(1.001, -1.999, 0.501))
    expect(trained[1]).toEqual(Float32Array.of(1.0015, -1.9985, 0.5015))
  })
  test('says that a round has come before it waits for its turn', async () => {
    const hold = createHold()
    const reached: number[] = []
    const trainer = await noOpTrainer(hold, 0, (round) => reached.push(round))(options())
    const training = trainer.trainRound({ round: 4, student: STUDENT })
    expect(reached).toEqual([4])
    expect(await isPending(training)).toBe(true)
    hold.release(4)
    expect((await training).samples).toBe(2)
  })
})
