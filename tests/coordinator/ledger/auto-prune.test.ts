import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createStudy } from '@tessera/coordinator'
import { openLedgers, pruneDeltas, verifyLedger } from '@tessera/coordinator/ledger'
import { readUnverified } from '@tessera/shared/security'
import { listChunks, listHash } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import { federation, wholeRound } from '../federation.ts'
import { deltaOf, joined, type RawSite, started, TINY_STUDY } from '../raw-site.ts'

/** Deltas by their value, as their files are named. */
const file = (value: number): string => `${listHash(listChunks(deltaOf(value)))}.f32`
const files = (...values: readonly number[]): string[] => values.map(file).toSorted()
const there = async (dir: string): Promise<string[]> =>
  (await readdir(join(dir, 'updates'))).filter((name) => name.endsWith('.f32')).toSorted()
const statement = async (dir: string) =>
  readUnverified('pruned', await readFile(join(dir, 'ledger', 'tiny.pruned.jws'), 'utf8'))
const verify = async (dir: string) => {
  const [ledger] = await openLedgers(dir)
  if (ledger === undefined) throw new Error('a ledger must be there')
  return verifyLedger(ledger)
}

type Run = Awaited<ReturnType<typeof federation>>

/** Starts the coordinator again with this setting; gives its sites too. */
async function restarted(
  { coordinator, dir, key, keys }: Pick<Run, 'coordinator' | 'dir' | 'key' | 'keys'>,
  settings: object,
): Promise<Awaited<ReturnType<typeof started>> & { north: RawSite; south: RawSite }> {
  await coordinator.close()
  const path = join(dir, 'coordinator.json')
  const before = JSON.parse(await readFile(path, 'utf8')) as object
  await writeFile(path, JSON.stringify({ ...before, ...settings }))
  const run = await started(dir)
  const { url } = run.coordinator
  const [north, south] = [
    await joined(url, key, 'north', keys.north),
    await joined(url, key, 'south', keys.south),
  ]
  return { ...run, north, south }
}

describe('keepRounds', () => {
  test('absent, all deltas stay', async () => {
    const { coordinator, dir, north, south } = await federation()
    await wholeRound([north, south], [0.01, 0.02])
    await wholeRound([north, south], [0.03, 0.04])
    await coordinator.ended
    await coordinator.close()
    expect(await there(dir)).toEqual(files(0.01, 0.02, 0.03, 0.04))
    expect(await verify(dir)).toMatchObject({ recomputed: 2, pruned: null })
  })

  test.each(['fedavg', 'fedadam'] as const)(
    'removes what is older as rounds are published, and the ledger says by which rule: %s',
    async (name) => {
      const first = await federation({ strategy: { name } })
      const { coordinator, log, north, south } = await restarted(first, { keepRounds: 1 })
      await wholeRound([north, south], [0.01, 0.02])
      await north.published()
      expect(await there(first.dir)).toEqual(files(0.01, 0.02))
      await wholeRound([north, south], [0.03, 0.04])
      await coordinator.ended
      await coordinator.close()
      expect(await there(first.dir)).toEqual(files(0.03, 0.04))
      expect(await statement(first.dir)).toMatchObject({ study: 'tiny', through: 1, keepRounds: 1 })
      expect(log).toContainEqual(expect.objectContaining({ event: 'deltas.pruned', round: 1, count: 2 }))
      expect(await verify(first.dir)).toMatchObject({ rounds: 2, recomputed: 1, pruned: { keepRounds: 1 } })
      // What the rule does not explain is still missed.
      await rm(join(first.dir, 'updates', file(0.04)))
      await expect(verify(first.dir)).rejects.toThrow('round 2 must have the delta that south has signed')
    },
  )

  test('set later, takes what is too old at the start; what a crash has left is removed then too', async () => {
    const first = await federation()
    await wholeRound([first.north, first.south], [0.01, 0.02])
    await wholeRound([first.north, first.south], [0.03, 0.04])
    await first.coordinator.ended
    const second = await restarted(first, { keepRounds: 1 })
    expect(await there(first.dir)).toEqual(files(0.03, 0.04))
    await second.coordinator.close()
    await writeFile(join(first.dir, 'updates', file(0.01)), deltaOf(0.01))
    await (await started(first.dir)).coordinator.close()
    expect(await there(first.dir)).toEqual(files(0.03, 0.04))
  })

  test('says no less than an operator has said', async () => {
    const first = await federation()
    await wholeRound([first.north, first.south], [0.01, 0.02])
    await first.north.published()
    await pruneDeltas({ dir: first.dir, study: 'tiny', keepRounds: 0 })
    const { coordinator, north, south } = await restarted(first, { keepRounds: 1 })
    await wholeRound([north, south], [0.03, 0.04])
    await coordinator.ended
    await coordinator.close()
    expect(await statement(first.dir)).toMatchObject({ through: 1 })
    expect(await statement(first.dir)).not.toHaveProperty('keepRounds')
  })

  test('keeps a delta whose bytes another study, or a later round, has too', async () => {
    const first = await federation()
    await createStudy({ dir: first.dir, study: { ...TINY_STUDY, id: 'tiny-2' } })
    const { coordinator, dir, key, keys } = first
    const { north, south, ...run } = await restarted({ coordinator, dir, key, keys }, { keepRounds: 1 })
    const [north2, south2] = [
      await joined(run.coordinator.url, key, 'north', keys.north, 'tiny-2'),
      await joined(run.coordinator.url, key, 'south', keys.south, 'tiny-2'),
    ]
    await wholeRound([north2, south2], [0.01, 0.02])
    await wholeRound([north, south], [0.01, 0.03])
    await wholeRound([north, south], [0.03, 0.04])
    await north.published()
    await north.published()
    await expect.poll(() => there(dir)).toEqual(files(0.01, 0.02, 0.03, 0.04))
    await wholeRound([north2, south2], [0.05, 0.06])
    await run.coordinator.ended
    await run.coordinator.close()
    expect(await there(dir)).toEqual(files(0.03, 0.04, 0.05, 0.06))
  })

  test('a delta that comes again after its file was removed is stored again', async () => {
    const first = await federation()
    const { coordinator, north, south } = await restarted(first, { keepRounds: 1 })
    await wholeRound([north, south], [0.01, 0.02])
    await north.published()
    // By hand: with two rounds the rule would keep it.
    await rm(join(first.dir, 'updates', file(0.01)))
    await wholeRound([north, south], [0.01, 0.04])
    await coordinator.ended
    await coordinator.close()
    expect(await there(first.dir)).toEqual(files(0.01, 0.04))
    expect(await verify(first.dir)).toMatchObject({ rounds: 2, recomputed: 1 })
  })

  test('what cannot be said is not removed: the round is published all the same', async () => {
    const first = await federation()
    await writeFile(join(first.dir, 'ledger'), 'a file where the statements go')
    const { coordinator, log, north, south } = await restarted(first, { keepRounds: 1 })
    await wholeRound([north, south], [0.01, 0.02])
    await wholeRound([north, south], [0.03, 0.04])
    await coordinator.ended
    await coordinator.close()
    expect(await there(first.dir)).toEqual(files(0.01, 0.02, 0.03, 0.04))
    expect(log).toContainEqual(
      expect.objectContaining({ event: 'deltas.kept', study: 'tiny', level: 'error' }),
    )
  })
})
