import type { SiteView } from '@tessera/shared/dashboard/site-view'
import { describe, expect, test } from 'vitest'
import { frameQuery } from '../../../dashboard/site/api.ts'
import { linkTo, parseRoute, VIEWS } from '../../../dashboard/site/route.ts'
import { agentStanding, concernsOf, verdictOf } from '../../../dashboard/site/standing.ts'

const WELL = {
  number: 0,
  agent: { state: 'training', code: null, reason: null, pausedSinceMs: null, toApprove: null },
  round: { round: 7, rounds: 20, secondsLeft: 190 },
  connection: { state: 'joined', sinceMs: 0, code: null, reason: null },
  departed: { chain: 'whole', sentence: '', lines: 66, today: { bytes: 32_500_000, rounds: 2 } },
  data: { fault: null },
  policy: { file: 'in-force', fault: '' },
} as unknown as SiteView

type Changes = { readonly [K in keyof SiteView]?: Partial<SiteView[K]> }
const site = (changes: Changes): SiteView =>
  Object.fromEntries(
    Object.entries(WELL).map(([name, section]) => {
      const change = changes[name as keyof SiteView]
      return [name, change === undefined ? section : { ...(section as object), ...(change as object) }]
    }),
  ) as unknown as SiteView
const titles = (view: SiteView) => concernsOf(view, 3_600_000).map(({ title, tone }) => `${tone}: ${title}`)

describe('concernsOf()', () => {
  test('is empty when all is well', () => {
    expect(titles(WELL)).toEqual([])
  })

  test.each<[Changes, string]>([
    [{ departed: { chain: 'broken', sentence: 'line 3' } }, 'alarm: The audit log was changed'],
    [{ policy: { file: 'unreadable', fault: 'line 3' } }, 'alarm: The policy cannot be read'],
    [{ data: { fault: { code: 'ERR', message: 'leaks' } } }, 'alarm: Training would refuse the tiles'],
    [
      { agent: { state: 'waiting', code: 'ERR_POLICY_APPROVAL', toApprove: 7 } },
      'warn: Round 7 waits for your approval',
    ],
    [{ agent: { pausedSinceMs: 1 } }, 'warn: Paused: nothing of the study leaves'],
    [{ policy: { file: 'unsigned' } }, 'warn: The policy was changed and is not signed'],
    [{ connection: { state: 'lost' } }, 'warn: The coordinator has not been reached since 1 h ago'],
    [{ agent: { state: 'declined', code: 'ERR_POLICY_LIMIT' } }, 'warn: This site has no part in the round'],
  ])('%j is one', (changes, title) => {
    expect(titles(site(changes))).toEqual([title])
  })

  test('has the worst first', () => {
    const view = site({ agent: { pausedSinceMs: 1 }, departed: { chain: 'broken' } })
    expect(titles(view)[0]).toBe('alarm: The audit log was changed')
  })

  test('does not miss a coordinator after the study', () => {
    expect(titles(site({ agent: { state: 'finished' }, connection: { state: 'lost' } }))).toEqual([])
  })
})

describe('verdictOf()', () => {
  test('says what runs when all is well, and what has left today', () => {
    expect(verdictOf(WELL, [])).toEqual({
      tone: 'ok',
      title: 'All well: training round 7 of 20, 3 min left',
      note: '32.5 MB of updates left today. 66 frames in the audit log.',
    })
  })

  test('says what is wrong, and its sentence', () => {
    const view = site({ departed: { chain: 'broken', sentence: 'line 3' } })
    expect(verdictOf(view, concernsOf(view, 0))).toMatchObject({ tone: 'alarm', note: 'line 3' })
  })
})

describe('agentStanding()', () => {
  test('is a pause before anything else', () => {
    expect(agentStanding(site({ agent: { pausedSinceMs: 1 } }))).toEqual({ tone: 'warn', label: 'Paused' })
    expect(agentStanding(WELL)).toEqual({ tone: 'busy', label: 'Training' })
  })
})

describe('the addresses', () => {
  test.each(VIEWS)('%s has one, and it is read back', (view) => {
    expect(parseRoute(linkTo(view))).toBe(view)
  })

  test.each(['#/overview', '#/frames/1', '#/nothing'])('%s is none', (hash) => {
    expect(parseRoute(hash)).toBeNull()
  })

  test('of frames say what is asked for, and nothing else', () => {
    expect(frameQuery({ study: '', kind: 'upload:open', day: '' }, 7)).toBe('kind=upload%3Aopen&before=7')
    expect(frameQuery({ study: '', kind: '', day: '' }, null)).toBe('')
  })
})
