/** @file Local time: is a policy's window open, and what day is it there? Pure; the time comes in as milliseconds. */
import type { Policy, Window } from './policy.ts'

interface LocalTime {
  /** `2026-11-25`. */
  readonly day: string
  readonly weekday: Window['days'][number]
  /** Minutes since midnight on the wall clock. */
  readonly minute: number
}

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
const formats = new Map<string, Intl.DateTimeFormat>()

/** What the wall clock of a time zone shows. */
function localTime(nowMs: number, timeZone: string): LocalTime {
  // Building a format costs 50 times what using it does, and a long audit log asks once a line.
  let format = formats.get(timeZone)
  if (format === undefined) {
    const digits = {
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    } as const
    format = new Intl.DateTimeFormat('en-GB', { ...digits, weekday: 'short', hourCycle: 'h23', timeZone })
    formats.set(timeZone, format)
  }
  const parts = Object.fromEntries(format.formatToParts(nowMs).map(({ type, value }) => [type, value]))
  return {
    day: `${parts['year']}-${parts['month']}-${parts['day']}`,
    weekday: String(parts['weekday']).toLowerCase() as LocalTime['weekday'],
    minute: Number(parts['hour']) * 60 + Number(parts['minute']),
  }
}

/** The date on the wall, `2026-11-25`. */
export function localDay(nowMs: number, timeZone: string): string {
  return localTime(nowMs, timeZone).day
}

const QUARTER_MS = 15 * 60_000

/** Gives {@link localDay} for one time zone and many times: a long log asks once a line, and no time zone changes its day within a quarter of an hour. */
export function dayIn(timeZone: string): (timeMs: number) => string {
  let known = { quarter: Number.NaN, day: '' }
  return (timeMs) => {
    const quarter = Math.floor(timeMs / QUARTER_MS)
    if (quarter !== known.quarter) known = { quarter, day: localDay(timeMs, timeZone) }
    return known.day
  }
}

/** True when the policy lets things of a study pass at this time. */
export function isOpen({ hours, timeZone }: Pick<Policy, 'hours' | 'timeZone'>, nowMs: number): boolean {
  if (hours === 'always') return true
  const { weekday, minute } = localTime(nowMs, timeZone)
  const yesterday = DAYS[(DAYS.indexOf(weekday) + 6) % 7] as LocalTime['weekday']
  return hours.some(({ days, from, to }) => {
    const [start, end] = [minutes(from), minutes(to)]
    if (start < end) return days.includes(weekday) && minute >= start && minute < end
    // Over midnight: it belongs to the day it starts on.
    return (days.includes(weekday) && minute >= start) || (days.includes(yesterday) && minute < end)
  })
}

function minutes(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
}
