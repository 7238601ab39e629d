import type { CoordinatorView, SiteRow, StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import { describe, expect, test } from 'vitest'
import { findingsOf, verdictOf } from '../../../dashboard/coordinator/findings.ts'
import { coordinatorView, siteRow, studyRow, VIEW_NOW_MS } from '../../support/coordinator-view.ts'

const DAY_MS = 24 * 3600 * 1000

function viewOf(study: Partial<StudyRow>, sites: Record<string, Partial<SiteRow>> = {}): CoordinatorView {
  const view = coordinatorView(5, { studies: { colon: studyRow(study) } })
  const changed = Object.entries(sites).map(([site, over], i) => [site, siteRow(site, i, over)])
  return { ...view, sites: { ...view.sites, ...Object.fromEntries(changed) } }
}

function firstLine(view: CoordinatorView): string {
  return verdictOf(view, findingsOf(view, VIEW_NOW_MS)).title
}

describe('the first line', () => {
  test('says what runs when all is well', () => {
    const counts = { ...studyRow().counts, fetching: 0, uploading: 0, accepted: 0, training: 5 }
    expect(firstLine(viewOf({ counts }))).toBe('All well: round 7 of 20, 5 of 5 sites training, 4 min left')
  })
  test('names a site that is left out', () => {
    expect(firstLine(viewOf({ alarms: [{ site: 'radboud', rounds: 3 }] }))).toBe(
      '1 alarm: radboud left out of 3 rounds running',
    )
  })
  test('counts the others', () => {
    const alarms = ['radboud', 'leeds', 'basel'].map((site) => ({ site, rounds: 4 }))
    expect(firstLine(viewOf({ alarms }))).toBe('3 alarms: radboud left out of 4 rounds running, and 2 more')
  })
  test('an alarm comes before what only wants a look', () => {
    const view = viewOf(
      { failures: 2, verification: verification('broken') },
      { leeds: { state: 'pending' } },
    )
    expect(firstLine(view)).toBe('1 alarm: the ledger of colon does not verify')
    expect(findingsOf(view, VIEW_NOW_MS).map(({ tone }) => tone)).toEqual(['alarm', 'warn', 'warn'])
  })
  test.each<[string, Partial<StudyRow>, string]>([
    ['halted', { phase: 'halted' }, '1 alarm: colon is halted'],
    ['stopped', { phase: 'stopped', failures: 10 }, '1 alarm: colon has stopped in round 7'],
    ['without sites', { phase: 'waiting' }, '1 thing to look at: colon waits for sites'],
    ['failing', { failures: 1 }, '1 thing to look at: round 7 of colon is in attempt 2'],
    ['paused', { phase: 'waiting', paused: true }, 'All well: colon is paused at round 7 of 20'],
    ['finished', { phase: 'finished' }, 'All well: no study is running'],
    ['without an estimate', { secondsLeft: null }, 'All well: round 7 of 20, 4 of 5 sites training'],
  ])('of a study that is %s', (_, study, line) => expect(firstLine(viewOf(study))).toBe(line))
  test('of a study that is over, nobody is missed', () => {
    expect(firstLine(viewOf({ phase: 'finished', alarms: [{ site: 'radboud', rounds: 3 }] }))).toBe(
      'All well: no study is running',
    )
  })
  test('without a study says so', () => {
    expect(firstLine(coordinatorView(0, { studies: {} }))).toBe('No study yet')
  })
})

describe('a site', () => {
  test('that waits for approval is something to look at', () => {
    expect(firstLine(viewOf({}, { leeds: { state: 'pending' } }))).toBe(
      '1 thing to look at: leeds waits for approval',
    )
  })
  test('that nobody has seen for two days is, while a study runs', () => {
    const gone = { leeds: { online: [], lastSeenAtMs: VIEW_NOW_MS - 2 * DAY_MS } }
    expect(firstLine(viewOf({}, gone))).toBe('1 thing to look at: leeds not seen for 2 d')
    expect(firstLine(viewOf({ phase: 'finished' }, gone))).toBe('All well: no study is running')
  })
  test('that went an hour ago is not', () => {
    const gone = { leeds: { online: [], lastSeenAtMs: VIEW_NOW_MS - 3_600_000 } }
    expect(findingsOf(viewOf({}, gone), VIEW_NOW_MS)).toEqual([])
  })
})

function verification(state: 'holds' | 'broken'): StudyRow['verification'] {
  return { state, round: 4, rounds: 6, sentence: 'round 4 must …', atMs: VIEW_NOW_MS }
}
