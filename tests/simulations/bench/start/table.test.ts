import { expect, test } from 'vitest'
import { START_ARMS } from '../../../../simulations/bench/start/arms.ts'
import { startTable } from '../../../../simulations/bench/start/table.ts'

/** Of 20 tiles so many right, in both classes alike. */
const matrix = (right: number): number[][] => [
  [right / 2, 10 - right / 2],
  [10 - right / 2, right / 2],
]
const seed = (chance: number, file: number): Record<string, number[][]> =>
  Object.fromEntries(START_ARMS.map(({ name, from }) => [name, matrix(from === 'file' ? file : chance)]))

test('startTable() has the mean over the seeds, its interval, and the difference within each seed', () => {
  const lines = startTable([seed(10, 16), seed(12, 18), seed(14, 20)]).split('\n')
  expect(lines[0]).toMatch(/^ {2}accuracy, % +from chance +from the file +difference$/)
  // 50, 60, 70: 60 ± 4.3027 · 10 / √3; the difference is 30 in every seed.
  expect(lines[1]).toMatch(
    /^ {2}teacher, cross-entropy +60\.0 \[35\.2, 84\.8\] +90\.0 \[65\.2, 114\.8\] +30\.0 \[30\.0, 30\.0\]$/,
  )
  expect(lines.slice(1, 5).map((line) => line.slice(2, 40).trim())).toEqual([
    'teacher, cross-entropy',
    'student, cross-entropy',
    'student, MoMA, teacher from chance',
    'student, MoMA, teacher from the file',
  ])
  expect(lines[6]).toMatch(/^ {2}macro-F1, %/)
})

test('startTable() of one seed has no interval', () => {
  expect(startTable([seed(10, 16)])).toMatch(/teacher, cross-entropy +50\.0 \[–, –\] +80\.0 \[–, –\]/)
})
