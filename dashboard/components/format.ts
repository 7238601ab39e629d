/** @file Numbers and times as people read them. Nothing known is an en dash, never a zero. */

export const NOTHING = '–'

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const
const MINUTE_S = 60
const HOUR_S = 3600
const DAY_S = 86_400

/** `12,345`. */
export function formatCount(count: number | null): string {
  return count === null ? NOTHING : whole.format(count)
}

/** `12.3 MB`, in powers of 1000 as networks are billed. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return NOTHING
  let [value, unit] = [bytes, 0]
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) [value, unit] = [value / 1000, unit + 1]
  return `${unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${BYTE_UNITS[unit]}`
}

/** `0.873`: a score or a loss; always as many digits, so that a column can be read downwards. */
export function formatScore(score: number | null, digits = 3): string {
  return score === null || Number.isNaN(score) ? NOTHING : score.toFixed(digits)
}

/** `12.58`: a length, of which the size is of interest and not the last digit. */
export function formatNorm(norm: number | null): string {
  return formatScore(norm, 2)
}

/** `105.3`: of something a second. */
export function formatSpeed(perSecond: number | null): string {
  return formatScore(perSecond, 1)
}

/** `87.3 %`. */
export function formatShare(share: number | null, digits = 1): string {
  return share === null || Number.isNaN(share) ? NOTHING : `${(100 * share).toFixed(digits)} %`
}

/** `4 min`, `2 h 5 min`, `3 d 4 h`: two units at most, and no seconds once there are minutes. */
export function formatDuration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return NOTHING
  // Not 0 s: it is not over.
  if (seconds < 0.5) return '< 1 s'
  if (seconds < MINUTE_S) return `${Math.round(seconds)} s`
  if (seconds < HOUR_S) return `${Math.round(seconds / MINUTE_S)} min`
  if (seconds < DAY_S) return two(seconds, HOUR_S, 'h', MINUTE_S, 'min')
  return two(seconds, DAY_S, 'd', HOUR_S, 'h')
}

function two(seconds: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const smalls = Math.round(seconds / small)
  const [most, rest] = [Math.floor((smalls * small) / large), smalls % (large / small)]
  return rest === 0 ? `${most} ${largeUnit}` : `${most} ${largeUnit} ${rest} ${smallUnit}`
}

/** `12 s ago`, `just now`; a clock that is a little behind says the latter. */
export function formatAgo(atMs: number | null, nowMs: number): string {
  if (atMs === null) return NOTHING
  const seconds = (nowMs - atMs) / 1000
  return seconds < 5 ? 'just now' : `${formatDuration(seconds)} ago`
}

const dateTime = new Intl.DateTimeFormat('en-GB', {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
})

/** `25 Nov 2026, 16:02`, in the reader's time zone. */
export function formatTime(atMs: number | null): string {
  return atMs === null ? NOTHING : dateTime.format(atMs)
}

/** `1 site`, `3 sites`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}
