import { signPayload } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import type { GuardOptions } from '../../../site-agent/policy/guard.ts'
import type { Policy } from '../../../site-agent/policy/index.ts'
import type { Gate } from '../../../site-agent/uplink/gate.ts'
import { HASH } from '../../support/signed-parts.ts'
import { POLICY_HASH } from '../../support/site-policy.ts'
import { event, gateWithAudit, keys, study } from './open-gate.ts'

describe('a judgement', () => {
  const counts = [
    [5, 1],
    [0, 6],
  ]
  const student = HASH('e')
  const judgement = (changes = {}) =>
    signPayload(
      'judgement',
      {
        study: 'tiny',
        site: 'north',
        round: 1,
        student,
        part: 'val',
        counts,
        withheld: null,
        policyHash: POLICY_HASH,
        issuedAtMs: 1,
        ...changes,
      },
      keys.privateKey,
    )
  const judging = async (rules: Partial<Policy> = {}, world: Partial<GuardOptions> = {}) => {
    const both = await gateWithAudit(rules, world)
    both.gate.admitStudy(study)
    return both
  }
  const say = async (gate: Gate, changes = {}) =>
    gate.pass(event('round:judge', { judgement: await judgement(changes) }))

  test('of the counts that the gate has admitted may leave, and the audit log says what it tells', async () => {
    const { gate, entries } = await judging()
    expect(gate.admitJudgement(student, counts)).toEqual({ counts, withheld: null })
    await say(gate)
    expect(await entries()).toMatchObject([
      {
        kind: 'round:judge',
        study: 'tiny',
        round: 1,
        why: 'tells how the student of round 1 does on part val: the counts of 12 tiles',
      },
    ])
  })
  test.each<[string, object]>([
    [
      'other counts',
      {
        counts: [
          [6, 0],
          [0, 6],
        ],
      },
    ],
    ['another student', { student: HASH('f') }],
    ['another site', { site: 'south' }],
    ['another study', { study: 'other' }],
    ['another policy', { policyHash: HASH('1') }],
    ['a reason to withhold', { counts: null, withheld: 'policy' }],
  ])('of %s may not', async (_, changes) => {
    const { gate, entries } = await judging()
    gate.admitJudgement(student, counts)
    await expect(say(gate, changes)).rejects.toMatchObject({ code: 'ERR_GATE_MESSAGE' })
    expect(await entries()).toEqual([])
  })
  test('before anything was admitted, or before a study is joined, may not', async () => {
    const { gate } = await judging()
    await expect(say(gate)).rejects.toMatchObject({ code: 'ERR_GATE_MESSAGE' })
    const closed = (await gateWithAudit()).gate
    expect(() => closed.admitJudgement(student, counts)).toThrow(
      expect.objectContaining({ code: 'ERR_GATE_MESSAGE' }),
    )
  })
  test('tells no counts when the policy withholds them, and a table made in spite of it stays here', async () => {
    const { gate, entries } = await judging({ judging: 'withheld' })
    expect(gate.tellsCounts).toBe(false)
    const told = gate.admitJudgement(student, counts)
    expect(told).toEqual({ counts: null, withheld: 'policy' })
    await expect(say(gate)).rejects.toMatchObject({ code: 'ERR_GATE_MESSAGE' })
    await say(gate, told)
    expect((await entries()).map(({ why }) => why)).toEqual([
      'tells how the student of round 1 does on part val: nothing',
    ])
  })
  test('waits while the site is paused', async () => {
    const { gate } = await judging({}, { isPaused: () => true })
    gate.admitJudgement(student, counts)
    await expect(say(gate)).rejects.toMatchObject({ code: 'ERR_POLICY_PAUSED' })
    expect(() => gate.assertRound('judge', 1)).toThrow(expect.objectContaining({ code: 'ERR_POLICY_PAUSED' }))
  })
})
