import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { listChunks, listHash } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import { type HeldDelta, openLocalStates } from '../../../site-agent/session/local-states.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const state = (count: number) => ({
  version: 1 as const,
  study: 'tiny',
  site: 'north',
  tensors: new Map([['queue', Float32Array.of(count, -0, Number.MIN_VALUE)]]),
  counters: { rounds: count },
})

const bytes = Uint8Array.of(1, 2, 3)
const payload = listHash(listChunks(bytes))
const delta: HeldDelta = {
  base: 'a'.repeat(64),
  samples: 12,
  metrics: { loss: 1, ce: 1, kl: null, nce: null, correct: 5, seen: 12, skippedTiles: 0, seconds: 1 },
  bytes,
}

describe('openLocalStates()', () => {
  test('a held state counts once it is committed', async () => {
    const states = openLocalStates(join(await temporaryFolder(), 'tiny'))
    expect(await states.lastBefore(1)).toBe(0)
    await states.hold(1, 'payload', state(1), delta)
    expect([await states.lastBefore(2), await states.held(1), await states.heldRounds()]).toEqual([
      0,
      'payload',
      [1],
    ])
    await states.commit(1)
    expect([await states.lastBefore(2), await states.held(1)]).toEqual([1, null])
    expect(await states.after(1)).toEqual(state(1))
  })

  test('a held delta is there for who starts again, until its round is delivered', async () => {
    const dir = await temporaryFolder()
    const states = openLocalStates(dir)
    expect(await states.heldDelta(1)).toBeNull()
    await states.hold(1, payload, state(1), delta)
    const found = await openLocalStates(dir).heldDelta(1)
    expect({ ...found, bytes: Uint8Array.from(found?.bytes ?? []) }).toEqual(delta)
    expect(await states.heldDelta(2)).toBeNull()
    await states.commit(1)
    expect(await states.heldDelta(1)).toBeNull()
    expect(await readdir(dir)).toEqual(['after-1.state'])
  })

  test.each([
    ['without its state', 'held-1.state', null],
    ['that was changed', 'held-1.delta', 'changed'],
    ['that its state was not trained with', 'held-1.delta', 'other'],
  ])('a held delta %s is not given', async (_, name, change) => {
    const dir = await temporaryFolder()
    const states = openLocalStates(dir)
    await states.hold(1, payload, state(1), delta)
    if (change === null) await rm(join(dir, name))
    if (change === 'changed') await writeFile(join(dir, name), 'changed')
    if (change === 'other') {
      await openLocalStates(join(dir, 'other')).hold(1, 'p', state(1), { ...delta, bytes: Uint8Array.of(9) })
      await copyFile(join(dir, 'other', name), join(dir, name))
    }
    expect(await states.heldDelta(1)).toBeNull()
  })

  test('what an encoding has lost is kept with the state and counts with it', async () => {
    const states = openLocalStates(await temporaryFolder())
    const residual = new Map([['w', Float32Array.of(1, -0, 2 ** -149)]])
    await states.hold(1, payload, state(1), delta, residual)
    await states.commit(1)
    await states.hold(2, payload, state(2), delta)
    await states.commit(2)
    expect([await states.residualAfter(1), await states.residualAfter(2)]).toEqual([residual, null])
  })

  test('keeps the last two, so that the last round can be trained again', async () => {
    const dir = await temporaryFolder()
    const states = openLocalStates(dir)
    for (const round of [1, 2, 5, 12]) {
      await states.hold(round, 'p', state(round), delta)
      await states.commit(round)
    }
    expect((await readdir(dir)).toSorted()).toEqual(['after-12.state', 'after-5.state'])
    expect([await states.lastBefore(12), await states.lastBefore(13)]).toEqual([5, 12])
  })

  test('a commit removes what an earlier round held in vain, and may be repeated', async () => {
    const dir = await temporaryFolder()
    await writeFile(join(dir, '.tmp-0123456789abcdef'), 'half')
    const states = openLocalStates(dir)
    await states.hold(1, 'lost', state(1), delta)
    await states.hold(2, 'p', state(2), delta)
    await states.commit(2)
    await states.commit(2)
    expect(await readdir(dir)).toEqual(['after-2.state'])
  })

  test('refuses a state that was changed with ERR_STORE_CORRUPT', async () => {
    const dir = await temporaryFolder()
    const states = openLocalStates(dir)
    await states.hold(1, 'p', state(1), delta)
    await states.commit(1)
    const file = join(dir, 'after-1.state')
    const bytes = await readFile(file)
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    await writeFile(file, bytes)
    await expect(states.after(1)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    await expect(states.after(7)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
  })
})
