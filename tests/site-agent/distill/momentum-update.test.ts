import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { momentumUpdate } from '../../../site-agent/distill/momentum-update.ts'
import { leaked, onEachEngine } from './support.ts'
import '../../support/allclose.ts'

const PAIRS = [{ teacher: 'teacher.w', student: 'student.w' }]
const maps = (): { teacher: Map<string, tf.Tensor>; student: Map<string, tf.Tensor> } => ({
  teacher: new Map([['teacher.w', tf.tensor1d([1, 2])]]),
  student: new Map([['student.w', tf.tensor1d([3, -2])]]),
})

onEachEngine('momentumUpdate()', () => {
  test.each([
    [1, [1, 2]],
    [0, [3, -2]],
    [0.75, [1.5, 1]],
  ])('with m = %d gives %j', (momentum, want) => {
    const { teacher, student } = maps()
    expect([...momentumUpdate(teacher, student, PAIRS, momentum).keys()]).toEqual(['teacher.w'])
    const moved = momentumUpdate(teacher, student, PAIRS, momentum).get('teacher.w')
    expect(moved?.dataSync()).toBeAllclose(want, { absolute: 1e-7 })
  })

  test('closes the gap by the factor m a step', () => {
    const { teacher, student } = maps()
    let current: ReadonlyMap<string, tf.Tensor> = teacher
    for (let step = 0; step < 100; step++) current = momentumUpdate(current, student, PAIRS, 0.99)
    const left = 0.99 ** 100
    // A hundred float32 roundings.
    expect(current.get('teacher.w')?.dataSync()).toBeAllclose([3 - 2 * left, -2 + 4 * left], {
      absolute: 1e-5,
    })
  })

  test('refuses a missing tensor and a pair of two shapes', () => {
    const { teacher, student } = maps()
    expect(() => momentumUpdate(teacher, new Map(), PAIRS, 0.5)).toThrow('tensors must have student.w')
    student.set('student.w', tf.zeros([3]))
    expect(() => momentumUpdate(teacher, student, PAIRS, 0.5)).toThrow(
      'student.w must have shape [2], got [3]',
    )
  })

  test('leaves no tensor behind and both sides as they were', () => {
    const { teacher, student } = maps()
    expect(leaked(() => [...momentumUpdate(teacher, student, PAIRS, 0.5).values()])).toBe(0)
    expect([...(teacher.get('teacher.w')?.dataSync() ?? [])]).toEqual([1, 2])
  })
})
