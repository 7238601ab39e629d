import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { describe, expect, test } from 'vitest'
import type { ContenderSpec } from '../../../../simulations/bench/contest/contender.ts'
import {
  type ContestOptions,
  type ContestProgress,
  runContest,
  stepsToFill,
} from '../../../../simulations/bench/contest/referee.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'
import { toy } from './toy.ts'

function settings(contenders: readonly ContenderSpec[], more: Partial<ContestOptions> = {}): ContestOptions {
  return {
    contenders,
    rounds: 2,
    warmUpSteps: 3,
    slotSeconds: 1,
    budgetMs: 60_000,
    answerMs: 15_000,
    clock: systemClock,
    ...more,
  }
}

/** Lines of the trace: all has ended before it is read. */
async function traceOf(file: string): Promise<string[]> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n')
  return lines.map((line) => line.replace(/starts \d+/, 'starts'))
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('runContest()', () => {
  test('warms all up, one after the other, then lets them take turns', async () => {
    const trace = join(await temporaryFolder(), 'trace')
    await runContest(
      settings([toy({ name: 'a', seconds: 0.5, trace }), toy({ name: 'b', seconds: 0.25, trace })]),
    )
    const lines = await traceOf(trace)
    expect(lines.slice(0, 8)).toEqual([
      'a starts',
      'a runs 3',
      'b starts',
      'b runs 3',
      'a runs 2',
      'b runs 4',
      'a runs 2',
      'b runs 4',
    ])
    expect(lines.slice(8).toSorted()).toEqual(['a ends', 'b ends'])
  })
  test('keeps every step of every slot, the losses of the warm-up, and the largest memory', async () => {
    const [one] = await runContest(settings([toy({ name: 'a', seconds: 0.5 })]))
    expect(one).toMatchObject({
      name: 'a',
      versions: { toy: '1' },
      warmUpLosses: [1, 2, 3],
      slots: [
        [0.5, 0.5],
        [0.5, 0.5],
      ],
      // The toy says 100 for its first run, the warm-up, and 100 more for each that follows.
      stepPeakBytes: 300,
      peakBytes: 1003,
    })
  })
  test('says what runs, and how much time is left once a round is over', async () => {
    const seen: ContestProgress[] = []
    let now = 0
    const later = (): number => (now += 1000)
    const clock = { now: later, elapsed: later, schedule: () => () => undefined }
    const contenders = [toy({ name: 'a', seconds: 0.5 })]
    await runContest(settings(contenders, { clock, onProgress: (progress) => seen.push(progress) }))
    expect(seen.map(({ text }) => text)).toEqual([
      'a starts and warms up',
      'round 1 of 2: a',
      'round 2 of 2: a',
    ])
    expect(seen.map(({ secondsLeft }) => secondsLeft === null)).toEqual([true, true, false])
  })
  test.each([
    [250_000, 2],
    [0, 1],
  ])('with %i ms to spend it begins %i of the rounds, when each takes 100 s', async (budgetMs, begun) => {
    let now = 0
    const later = (): number => (now += 100_000)
    const clock = { now: later, elapsed: later, schedule: () => () => undefined }
    const contenders = [toy({ name: 'a', seconds: 0.5 })]
    const [one] = await runContest(settings(contenders, { clock, rounds: 50, budgetMs }))
    expect(one?.slots).toHaveLength(begun)
  })
  test.each([
    ['dies at start', /^contender b must answer, got status 3\nno module named torch$/],
    ['talks nonsense', /^contender b must answer, got step done!$/],
    ['does one step less', /got 2 steps instead of 3$/],
    ['dies in its second run', /got status 4$/],
  ] as const)('a contender that %s ends the contest with its words', async (fault, message) => {
    const trace = join(await temporaryFolder(), 'trace')
    const contenders = [toy({ name: 'a', seconds: 0.5, trace }), toy({ name: 'b', seconds: 0.5, fault })]
    await expect(runContest(settings(contenders))).rejects.toMatchObject({
      code: 'ERR_BENCH_PEER',
      message: expect.stringMatching(message),
    })
    expect((await traceOf(trace)).at(-1)).toBe('a ends')
  })
  test('a contender that is silent for too long is not waited for', async () => {
    const contenders = [toy({ name: 'a', seconds: 0.5, fault: 'is silent' })]
    await expect(runContest(settings(contenders, { answerMs: 1000 }))).rejects.toMatchObject({
      code: 'ERR_BENCH_PEER',
      message: 'contender a must answer, got nothing for 1 seconds',
    })
  })
  test('a program that is not there is named', async () => {
    const contenders = [{ name: 'a', command: '/nowhere/python', args: [] }]
    await expect(runContest(settings(contenders))).rejects.toMatchObject({
      code: 'ERR_BENCH_PEER',
      message: expect.stringContaining('ENOENT'),
    })
  })
  test('a contender that has more to end than its input is asked to end before it is killed', async () => {
    const trace = join(await temporaryFolder(), 'trace')
    await runContest(settings([toy({ name: 'a', seconds: 0.5, trace, fault: 'ends when asked' })]))
    expect((await traceOf(trace)).slice(-2)).toEqual(['a is asked', 'a ends'])
  })
  test('keeps the median of each part of a step', async () => {
    const parts = { upload: [0.3, 0.1, 0.2], publish: [0.05] }
    const [one] = await runContest(settings([toy({ name: 'a', seconds: 0.5, parts })]))
    expect(one?.parts).toEqual({ upload: 0.2, publish: 0.05 })
  })
  test('keeps the processor seconds of a step', async () => {
    // Two steps a slot, by the seconds that it says.
    const [one] = await runContest(settings([toy({ name: 'a', seconds: 0.5, processor: { server: 3 } })]))
    expect(one?.processor).toEqual({ server: 1.5 })
  })
  test('a stop ends every child', async () => {
    const trace = join(await temporaryFolder(), 'trace')
    const stop = new AbortController()
    const contenders = [
      toy({ name: 'a', seconds: 0.5, trace }),
      toy({ name: 'b', seconds: 0.5, trace, fault: 'is silent' }),
    ]
    const onProgress = ({ text }: ContestProgress): void => {
      // b never answers its warm-up: the contest would wait for it.
      if (text.startsWith('b')) setImmediate(() => stop.abort())
    }
    await expect(runContest(settings(contenders, { signal: stop.signal, onProgress }))).rejects.toMatchObject(
      {
        code: 'ERR_INTERRUPTED',
      },
    )
    const pids = [...(await readFile(trace, 'utf8')).matchAll(/starts (\d+)/g)].map((match) =>
      Number(match[1]),
    )
    expect(pids.length).toBeGreaterThan(0)
    expect(pids.filter(alive)).toEqual([])
  })
})

describe('stepsToFill()', () => {
  test('is as many as fill the slot, at least one, and passes the first over', () => {
    expect(stepsToFill(6, [90, 2, 2])).toBe(3)
    expect(stepsToFill(6, [90])).toBe(1)
    expect(stepsToFill(6, [90, 20])).toBe(1)
  })
})
