import { study } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Field, fieldOf, type JsonSchema } from '../../../../dashboard/components/form/fields.ts'
import {
  faultsOf,
  initialValue,
  isValues,
  variantIndex,
} from '../../../../dashboard/components/form/values.ts'
import { FILLED_IN, studyToSend } from '../../../../dashboard/coordinator/study-to-send.ts'
import { text } from '../../../../dashboard/text/en.ts'
import { labelOf } from '../../../../dashboard/text/study-fields.ts'

const schema = z.toJSONSchema(study, { io: 'input' }) as unknown as JsonSchema
const form = fieldOf(schema)
const faults = (value: unknown): Record<string, string> =>
  Object.fromEntries(faultsOf(form, value, text.form))

/** The untouched form with what nobody but the operator can know. */
function filled(): Record<string, unknown> {
  const value = initialValue(form)
  if (!isValues(value) || !isValues(value.training)) throw new Error('internal: a study must be an object')
  return {
    ...value,
    id: 'colon',
    seed: 'colon-2026',
    classes: ['benign', 'cancer'],
    tile: { sizePx: 224 },
    training: { ...value.training, rounds: 20 },
  }
}

describe('the form of a study', () => {
  test('begins with the defaults of its schema, and asks for the rest', () => {
    expect(faults(initialValue(form))).toEqual({
      id: 'must be filled in',
      seed: 'must be filled in',
      classes: 'must have 2 or more, one a line',
      'tile.sizePx': 'must be filled in',
      'training.rounds': 'must be filled in',
    })
  })
  test('filled in, is a study with exactly the defaults that its file would have', () => {
    const value = filled()
    expect(faults(value)).toEqual({})
    const least = {
      id: 'colon',
      seed: 'colon-2026',
      classes: ['benign', 'cancer'],
      tile: { sizePx: 224 },
      student: {},
      method: { name: 'moma' },
      training: { rounds: 20 },
    }
    expect(study.parse(value)).toEqual(study.parse(least))
  })
  test('every method and strategy can be chosen, and is one that the schema takes', () => {
    for (const [path, key] of [
      [['method'], 'method'],
      [['federation', 'strategy'], 'strategy'],
    ] as const) {
      const union = fieldAt(form, path)
      if (union.kind !== 'union') throw new Error(`internal: ${key} must be a union`)
      expect(union.variants.length).toBeGreaterThan(5)
      for (const [i, variant] of union.variants.entries()) {
        const chosen = initialValue(variant.field)
        expect(variantIndex(union, chosen)).toBe(i)
        const value = filled()
        const federation = isValues(value.federation) ? value.federation : {}
        const next =
          key === 'method'
            ? { ...value, method: chosen }
            : { ...value, federation: { ...federation, strategy: chosen } }
        expect(study.safeParse(next).error?.issues ?? []).toEqual([])
      }
    }
  })
  test.each([
    [{ id: 'Colon' }, 'id', 'must be of the form that is said below the field'],
    [{ classes: ['one'] }, 'classes', 'must have 2 or more, one a line'],
    [{ tile: { sizePx: 8 } }, 'tile.sizePx', 'must be 16 or more'],
    [{ tile: { sizePx: 20.5 } }, 'tile.sizePx', 'must be a whole number'],
    [{ method: { name: 'moma', temperature: 0 } }, 'method.temperature', 'must be more than 0'],
    [
      { federation: { strategy: { name: 'trimmed-mean', trim: 0.5 } } },
      'federation.strategy.trim',
      'must be less than 0.5',
    ],
    [{ seed: 'x'.repeat(257) }, 'seed', 'must have 256 characters or fewer'],
  ])('%j is refused before it is sent', (part, path, sentence) => {
    const value = { ...filled(), ...part }
    expect(faults(value)[path]).toBe(sentence)
    expect(study.safeParse(value).success).toBe(false)
  })
  test('leaves out what the coordinator reads off the files', () => {
    const teacher = { name: 'efficientnet-b0', sha256: '', task: 'same', classes: 2 }
    const sent = studyToSend({ ...filled(), teacher }, { teacher: null, student: null })
    expect(sent.study).toMatchObject({ teacher: { name: 'efficientnet-b0', task: 'same' } })
    expect(sent.study).not.toHaveProperty('teacher.sha256')
    expect(FILLED_IN.has('teacher.task')).toBe(false)
  })
  test('a field that has no words of its own is called by its name', () => {
    expect([labelOf('training.learningRate'), labelOf('student.name')]).toEqual(['Learning rate', 'Network'])
  })
})

function fieldAt(field: Field, path: readonly string[]): Field {
  return path.reduce((at, key) => {
    const member = at.kind === 'group' ? at.members.find((each) => each.key === key) : undefined
    if (member === undefined) throw new Error(`internal: form must have ${key}`)
    return member.field
  }, field)
}
