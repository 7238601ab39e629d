import { startEngine } from '@tessera/shared/engine'
import { initialStudent, initialWeights, studentLayout, type Weights } from '@tessera/shared/model'
import { createTrainer, type LocalState } from '@tessera/site-agent/distill'
import { beforeAll, describe, expect, test } from 'vitest'
import '../../support/allclose.ts'
import { METHODS, teacherOf, tiles, trainerOf } from './trainers.ts'

beforeAll(async () => {
  await startEngine({ engine: 'wasm' })
})

describe('trainRound() with a global teacher', () => {
  test('a global teacher stands still within a round, and is the same at a site that missed rounds, and after a restart', async () => {
    const global = METHODS['moma with a global teacher']
    const students = [1, 2, 3].map((round) => initialWeights(studentLayout(global), `published ${round}`))
    const publishedAfter = (round: number): Weights => students[round - 1] ?? new Map()
    const teacherTensors = ({ tensors }: LocalState): [string, Float32Array][] =>
      [...tensors].filter(([name]) => name.startsWith('teacher'))
    const trainAll = async (
      site: string,
      rounds: readonly number[],
      restarts = false,
    ): Promise<LocalState[]> => {
      const states: LocalState[] = []
      let trainer = createTrainer({ study: global, teacher: teacherOf(global), tiles, site })
      for (const round of rounds) {
        await trainer.trainRound({
          round,
          student: round === 1 ? initialStudent(global, teacherOf(global)) : publishedAfter(round - 1),
          studentAfter: async (earlier) => publishedAfter(earlier),
        })
        const state = await trainer.state()
        states.push(state)
        if (!restarts) continue
        trainer.dispose()
        trainer = createTrainer({
          study: global,
          teacher: teacherOf(global),
          tiles,
          site,
          state: structuredClone(state),
        })
      }
      trainer.dispose()
      return states
    }
    const [first, second, third] = await trainAll('north', [1, 2, 3])
    const [alone] = await trainAll('south', [3])
    const restarted = await trainAll('north', [1, 2, 3], true)
    if (!first || !second || !third || !alone) throw new Error('three rounds')
    expect(restarted).toEqual([first, second, third])
    expect(teacherTensors(alone)).toEqual(teacherTensors(third))
    expect(alone.counters['averagedRounds']).toBe(2)
    // Round 1 has the study's teacher: no step and no tile has moved it.
    for (const [name, values] of teacherOf(global) ?? [])
      expect(first.tensors.get(`teacher.${name}`), name).toEqual(values)
    const name = 'features.0.0.weight'
    const [theta, one, two] = [teacherOf(global)?.get(name), students[0]?.get(name), students[1]?.get(name)]
    const closed = theta?.map((value, i) => 0.25 * value + 0.25 * (one?.[i] ?? 0) + 0.5 * (two?.[i] ?? 0))
    // The mean of the first round is rounded to float32 before the second's is taken.
    expect(third.tensors.get(`teacher.${name}`)).toBeAllclose(closed ?? new Float32Array(), {
      absolute: 1e-7,
    })
  })

  test('a round that fails leaves a global teacher as it was, and a missing student is told', async () => {
    const global = METHODS['moma with a global teacher']
    const trainer = trainerOf(global)
    const student = initialStudent(global, teacherOf(global))
    await trainer.trainRound({ round: 1, student })
    const before = await trainer.state()
    const stop = new AbortController()
    const onProgress = (): void => stop.abort()
    await expect(
      trainer.trainRound({ round: 2, student, signal: stop.signal, onProgress }),
    ).rejects.toMatchObject({
      code: 'ERR_INTERRUPTED',
    })
    expect(await trainer.state()).toEqual(before)
    await expect(trainer.trainRound({ round: 3, student })).rejects.toMatchObject({
      code: 'ERR_INTERNAL',
      message: 'internal: trainer must get the student of round 1, got none',
    })
    expect(await trainer.state()).toEqual(before)
    trainer.dispose()
  })
})
