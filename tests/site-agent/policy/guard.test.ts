import { join } from 'node:path'
import { fingerprint } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { createTotals, type Policy } from '../../../site-agent/policy/index.ts'
import { openAudit } from '../../../site-agent/uplink/audit.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { HASH } from '../../support/signed-parts.ts'
import { aGuard, KEY } from '../../support/site-policy.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const layout = { architecture: 'test', tensors: [{ name: 'mean', shape: [2], kind: 'statistic' as const }] }
const study = { study: 'tiny', layout, coordinatorKey: KEY, teacher: HASH('a') }

describe('guard.assertStudy()', () => {
  test('takes what the policy lists', () => {
    aGuard({ studies: ['other', 'tiny'], teachers: [HASH('a')] }).assertStudy(study)
    aGuard({ teachers: [HASH('b')] }).assertStudy({ ...study, teacher: null })
  })
  test.each<[string, Partial<Policy>, string]>([
    ['a study', { studies: ['other'] }, 'study must be one of its studies, got tiny'],
    ['a teacher', { teachers: [HASH('b')] }, `teacher must be one of its teachers, got ${HASH('a')}`],
    [
      'a coordinator',
      { coordinators: ['0000 1111 2222 3333 4444 5555 6666 7777'] },
      `coordinator must be one of its coordinators, got ${fingerprint(KEY)}`,
    ],
    [
      'statistics',
      { statisticsMayLeave: false },
      'batch-norm statistics must stay at the site, got mean in the delta',
    ],
  ])('refuses %s that it does not', (_, rules, sentence) => {
    expect(() => aGuard(rules).assertStudy(study)).toThrow(
      expect.objectContaining({ code: 'ERR_POLICY_STUDY', message: `policy.yaml: ${sentence}` }),
    )
  })
})

describe('guard over days', () => {
  const upload = (kind: string, round: number, bytes: number) => ({ kind, study: 'tiny', round, bytes })

  /** A guard with an audit log, as a start of the agent builds them. */
  async function life(file: string, clock: ReturnType<typeof fakeClock>, rules: Partial<Policy>) {
    const totals = createTotals(rules.timeZone ?? 'UTC')
    const audit = await openAudit(file, clock, (entry) => totals.add(entry))
    const guard = aGuard(rules, { totals, now: () => clock.now() })
    return {
      guard,
      send: (frame: ReturnType<typeof upload>): void => {
        guard.assertFrame(frame)
        audit.append({ ...frame, sha256: HASH('0'), why: 'test' })
      },
      end: () => audit.close(),
    }
  }
  const limit = expect.objectContaining({ code: 'ERR_POLICY_LIMIT' })

  test('a day’s bytes are used up until local midnight, also by the life before a restart', async () => {
    const file = join(await temporaryFolder(), 'audit.jsonl')
    // 23:00 in Tokyo.
    const clock = fakeClock(Date.parse('2026-11-25T14:00:00Z'))
    const rules = { timeZone: 'Asia/Tokyo', largestUpload: { roundBytes: 1e9, dayBytes: 100 } }
    const first = await life(file, clock, rules)
    first.send(upload('upload:open', 1, 60))
    await first.end()
    const second = await life(file, clock, rules)
    expect(() => second.send(upload('upload:chunk', 1, 41))).toThrow(
      expect.objectContaining({
        code: 'ERR_POLICY_LIMIT',
        message: 'policy.yaml: bytes of a day’s uploads must be at most 100, got 101 on 2026-11-25',
      }),
    )
    second.send(upload('upload:chunk', 1, 40))
    clock.advance(3600_000 - 1)
    expect(() => second.send(upload('upload:chunk', 1, 1))).toThrow(limit)
    expect(() => second.guard.assertRound('train', 'tiny', 2, 1)).toThrow(limit)
    clock.advance(1)
    second.guard.assertRound('train', 'tiny', 2, 1)
    second.send(upload('upload:chunk', 1, 100))
    await second.end()
  })

  test('a day has so many rounds; one that has begun may end', async () => {
    const file = join(await temporaryFolder(), 'audit.jsonl')
    const clock = fakeClock(Date.parse('2026-11-25T12:00:00Z'))
    const { guard, send, end } = await life(file, clock, { roundsPerDay: 2 })
    send(upload('upload:open', 1, 1))
    send(upload('upload:open', 2, 1))
    send(upload('upload:open', 2, 1))
    guard.assertRound('train', 'tiny', 2, 1)
    expect(() => guard.assertRound('train', 'tiny', 3, 1)).toThrow(
      expect.objectContaining({
        code: 'ERR_POLICY_LIMIT',
        message: 'policy.yaml: rounds of a day must be at most 2, got 3 on 2026-11-25',
      }),
    )
    expect(() => send(upload('upload:open', 3, 1))).toThrow(limit)
    clock.advance(12 * 3600_000)
    send(upload('upload:open', 3, 1))
    await end()
  })

  test('a clock that jumps a day ahead and back finds its day as it was', async () => {
    const file = join(await temporaryFolder(), 'audit.jsonl')
    const clock = fakeClock(Date.parse('2026-11-25T12:00:00Z'))
    const { send, end } = await life(file, clock, { roundsPerDay: 1 })
    send(upload('upload:open', 1, 1))
    clock.advance(24 * 3600_000)
    send(upload('upload:open', 2, 1))
    clock.advance(-24 * 3600_000)
    expect(() => send(upload('upload:open', 3, 1))).toThrow(limit)
    await end()
  })

  test('nothing of a study passes outside the hours', async () => {
    const file = join(await temporaryFolder(), 'audit.jsonl')
    const clock = fakeClock(Date.parse('2026-11-25T17:59:59Z'))
    const hours = [{ days: ['wed' as const], from: '18:00', to: '19:00' }]
    const { guard, send, end } = await life(file, clock, { hours })
    const shut = expect.objectContaining({ code: 'ERR_POLICY_HOURS' })
    expect(() => send(upload('upload:open', 1, 1))).toThrow(shut)
    expect(() => guard.assertFrame({ kind: 'model:chunk', study: 'tiny', bytes: 1 })).toThrow(shut)
    expect(() => guard.assertRound('train', 'tiny', 1, 1)).toThrow(shut)
    guard.assertFrame({ kind: 'session:join', study: 'tiny', bytes: 1 })
    clock.advance(1000)
    send(upload('upload:open', 1, 1))
    await end()
  })
})
