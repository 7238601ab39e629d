import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isOpen, localDay } from '../../../site-agent/policy/hours.ts'
import type { Policy } from '../../../site-agent/policy/index.ts'

type Rule = Pick<Policy, 'hours' | 'timeZone'>
const NIGHTS: Rule = {
  timeZone: 'Europe/Berlin',
  hours: [
    { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '18:00', to: '06:00' },
    { days: ['sat'], from: '00:00', to: '24:00' },
  ],
}
const open = (iso: string, rule = NIGHTS): boolean => isOpen(rule, Date.parse(iso))

describe('isOpen()', () => {
  // 2026-11-25 is a Wednesday; Berlin is an hour ahead of UTC in winter, two in summer.
  test.each([
    ['before it opens', '2026-11-25T16:59:59Z', false],
    ['when it opens', '2026-11-25T17:00:00Z', true],
    ['at midnight', '2026-11-25T23:00:00Z', true],
    ['the next morning', '2026-11-26T04:59:59Z', true],
    ['when it closes', '2026-11-26T05:00:00Z', false],
    ['in summer, an hour earlier by UTC', '2026-07-15T16:00:00Z', true],
    ['Saturday morning, which belongs to Friday', '2026-11-28T04:00:00Z', true],
    ['all of Saturday', '2026-11-28T22:59:59Z', true],
    ['Sunday', '2026-11-28T23:00:00Z', false],
    ['Sunday evening', '2026-11-29T18:00:00Z', false],
    ['Monday before dawn, for Sunday has no window', '2026-11-30T03:00:00Z', false],
  ])('%s', (_, iso, want) => {
    expect(open(iso)).toBe(want)
  })

  test('a window over midnight ends on the day after Sunday too', () => {
    const rule: Rule = { timeZone: 'UTC', hours: [{ days: ['sun'], from: '22:00', to: '02:00' }] }
    expect(open('2026-11-30T01:59:00Z', rule)).toBe(true)
    expect(open('2026-11-30T02:00:00Z', rule)).toBe(false)
    expect(open('2026-12-01T01:00:00Z', rule)).toBe(false)
  })

  test('always is at all times', () => {
    expect(open('2026-11-29T18:00:00Z', { timeZone: 'UTC', hours: 'always' })).toBe(true)
  })

  test('follows the wall clock through the change to winter time: 02:30 comes twice, and is open twice', () => {
    const rule: Rule = { timeZone: 'Europe/Berlin', hours: [{ days: ['sun'], from: '02:00', to: '03:00' }] }
    expect(['00:30', '01:30', '02:30'].map((time) => open(`2026-10-25T${time}:00Z`, rule))).toEqual([
      true,
      true,
      false,
    ])
  })

  test('a window and the window of all other minutes are never both open, and never both shut', () => {
    const time = fc
      .integer({ min: 0, max: 24 * 60 - 1 })
      .map((m) => `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`)
    const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
    fc.assert(
      fc.property(
        time,
        time,
        fc.constantFrom('UTC', 'Asia/Kolkata', 'America/St_Johns', 'Europe/Berlin'),
        fc.integer({ min: 1.7e12, max: 1.9e12 }),
        (from, to, timeZone, nowMs) => {
          fc.pre(from !== to)
          const rule = (a: string, b: string): Rule => ({
            timeZone,
            hours: [{ days: [...days], from: a, to: b }],
          })
          expect(isOpen(rule(from, to), nowMs)).toBe(!isOpen(rule(to, from), nowMs))
        },
      ),
    )
  })
})

describe('localDay()', () => {
  test('changes at local midnight', () => {
    const days = (zone: string) =>
      ['2026-11-25T04:59:59.999Z', '2026-11-25T05:00:00Z'].map((iso) => localDay(Date.parse(iso), zone))
    expect(days('America/New_York')).toEqual(['2026-11-24', '2026-11-25'])
    expect(days('UTC')).toEqual(['2026-11-25', '2026-11-25'])
  })
})
