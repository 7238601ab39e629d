/** @file Accuracy by round: the students that a cell had on its way, tested as its last one is. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { exportStudy } from '@tessera/coordinator'
import type { TestResult } from '../runner/tasks.ts'

/** A round's student on the test tiles of all sites. */
export interface CurvePoint {
  readonly round: number
  readonly correct: number
  readonly tiles: number
}

/** Rounds whose students are tested: each `every`-th, and the last. None for 0. */
export function testedRounds(rounds: number, every: number): number[] {
  if (every === 0) return []
  const list = Array.from({ length: Math.floor((rounds - 1) / every) }, (_, i) => (i + 1) * every)
  return [...list, rounds]
}

/** @param answers On the test tiles of each site. */
export function curvePoint(round: number, answers: TestResult['answers']): CurvePoint {
  const sum = (of: (answer: TestResult['answers'][number]) => number): number =>
    answers.reduce((total, answer) => total + of(answer), 0)
  return {
    round,
    correct: sum(({ truth, predicted }) => truth.filter((label, i) => label === predicted[i]).length),
    tiles: sum(({ truth }) => truth.length),
  }
}

/** Where the students of a cell's rounds are, one after the other. */
export interface RoundStudents {
  /** File of a round's student. */
  file(round: number): Promise<string>
  remove(): Promise<void>
}

/** Those that training in one place has written. */
export function writtenStudents(dir: string): RoundStudents {
  return {
    file: async (round) => join(dir, `${round}.safetensors`),
    remove: () => rm(dir, { recursive: true, force: true }),
  }
}

/** Those that a federation has published, as its operator would export them. @param root The federation's folder. */
export function publishedStudents(root: string, study: string): RoundStudents {
  const out = join(root, 'round')
  return {
    async file(round) {
      const { files } = await exportStudy({ dir: join(root, 'coordinator'), study, out, round })
      return files[0] ?? ''
    },
    remove: () => rm(out, { recursive: true, force: true }),
  }
}
