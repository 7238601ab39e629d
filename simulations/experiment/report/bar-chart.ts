/** @file A bar an arm as SVG, with the ends of its interval; its name stands above it, so that a narrow page can be read. Pure. */
import { escaped } from './html.ts'

export interface Bar {
  readonly name: string
  /** Each from 0 to 1; NaN ends: no interval. */
  readonly value: number
  readonly low: number
  readonly high: number
}

const [WIDTH, ROW, RIGHT] = [420, 34, 40] as const
/** More letters than that do not fit above a bar. */
const NAME_CHARACTERS = 58

export function barChart(title: string, bars: readonly Bar[]): string {
  const height = bars.length * ROW + 22
  const x = (value: number): string => (2 + Math.min(1, Math.max(0, value)) * (WIDTH - RIGHT)).toFixed(1)
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<line x1="${x(share)}" x2="${x(share)}" y1="0" y2="${height - 18}" class="grid"/>` +
      `<text x="${x(share)}" y="${height - 5}" text-anchor="${share === 0 ? 'start' : 'middle'}">${share * 100}</text>`,
  )
  const drawn = bars.flatMap(({ name, value, low, high }, i) => {
    if (!Number.isFinite(value)) return []
    const top = i * ROW
    const middle = top + 23
    const whisker = Number.isFinite(low)
      ? `<line x1="${x(low)}" x2="${x(high)}" y1="${middle}" y2="${middle}" class="whisker"/>`
      : ''
    const short = name.length > NAME_CHARACTERS ? `${name.slice(0, NAME_CHARACTERS - 1)}…` : name
    return [
      `<text x="4" y="${top + 12}">${escaped(short)}</text>` +
        `<rect x="2" y="${middle - 6}" width="${(Number(x(value)) - 2).toFixed(1)}" height="12" fill="var(--c0)"/>${whisker}` +
        `<text x="${WIDTH}" y="${middle + 4}" text-anchor="end">${(100 * value).toFixed(1)}</text>`,
    ]
  })
  return `<figure><figcaption>${escaped(title)}</figcaption><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">${[...ticks, ...drawn].join('')}</svg></figure>`
}
