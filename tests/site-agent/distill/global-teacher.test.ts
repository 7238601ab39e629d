import { array, assert, double, float, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { averagedUpTo, averagedWith } from '../../../site-agent/distill/global-teacher.ts'

const pairs = [{ teacher: 'teacher.a', student: 'a' }]
const values = (...numbers: number[]): Float32Array => Float32Array.from(numbers)
const teacher = (...numbers: number[]) => new Map([['teacher.a', values(...numbers)]])
const student = (...numbers: number[]) => new Map([['a', values(...numbers)]])

describe('averagedWith()', () => {
  test('is m of the teacher and 1 − m of the student, of the named tensors alone', () => {
    const all = new Map([...teacher(4, -8), ['teacher.counter', values(1)]])
    const moved = averagedWith(all, new Map([...student(8, 8), ['b', values(9)]]), { pairs, momentum: 0.75 })
    expect(moved).toEqual(teacher(5, -4))
    expect(all.get('teacher.a')).toEqual(values(4, -8))
  })
  test('stays between both, and stands still where both are one', () => {
    const numbers = array(float({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 9 })
    assert(
      property(numbers, numbers, double({ min: 0, max: 1, noNaN: true }), (from, to, momentum) => {
        const [a, b] = [from.slice(0, to.length), to.slice(0, from.length)]
        const moved = averagedWith(teacher(...a), student(...b), { pairs, momentum }).get('teacher.a')
        for (const [i, value] of (moved ?? values()).entries()) {
          expect(value).toBeGreaterThanOrEqual(Math.min(a[i] ?? 0, b[i] ?? 0))
          expect(value).toBeLessThanOrEqual(Math.max(a[i] ?? 0, b[i] ?? 0))
        }
        const still = averagedWith(teacher(...a), student(...a), { pairs, momentum: 0.5 })
        expect(still).toEqual(teacher(...a))
      }),
    )
  })
  test.each([
    ['is missing', new Map<string, Float32Array>(), 'weights must have a, got none of that name'],
    ['has another size', student(1), "a must have 2 numbers as the teacher's, got 1"],
  ])('refuses a student of which a tensor %s', (_, given, message) => {
    expect(() => averagedWith(teacher(1, 2), given, { pairs, momentum: 0.5 })).toThrow(
      expect.objectContaining({ code: 'ERR_LAYOUT_MISMATCH', message }),
    )
  })
})

describe('averagedUpTo()', () => {
  const published = new Map([
    [1, student(8)],
    [2, student(-16)],
    [3, student(32)],
  ])
  const studentAfter = (round: number) => published.get(round) ?? student(Number.NaN)

  test('is in closed form m³·θ₀ + (1 − m)·(m²·s₁ + m·s₂ + s₃) after three rounds', async () => {
    const m = 0.25
    const settings = { pairs, momentum: m }
    const moved = await averagedUpTo(teacher(64), { after: 0, until: 3, studentAfter }, settings)
    expect(moved).toEqual(teacher(m ** 3 * 64 + (1 - m) * (m ** 2 * 8 + m * -16 + 32)))
  })
  test('comes to the same by steps, and asks for no round twice', async () => {
    const settings = { pairs, momentum: 0.9 }
    const asked: number[] = []
    const noting = (round: number) => {
      asked.push(round)
      return studentAfter(round)
    }
    let moved = await averagedUpTo(teacher(64), { after: 0, until: 1, studentAfter: noting }, settings)
    moved = await averagedUpTo(moved, { after: 1, until: 1, studentAfter: noting }, settings)
    moved = await averagedUpTo(moved, { after: 1, until: 3, studentAfter: noting }, settings)
    expect(asked).toEqual([1, 2, 3])
    expect(moved).toEqual(await averagedUpTo(teacher(64), { after: 0, until: 3, studentAfter }, settings))
  })
})
