/** @file Charts as SVG, drawn by hand; colours come from the page, for light and dark. Pure. */
import { escaped } from './html.ts'

export interface Series {
  readonly name: string
  /** One a round; what is not finite is left out. */
  readonly values: readonly number[]
}

export interface Bar {
  readonly name: string
  /** Each from 0 to 1; NaN ends: no interval. */
  readonly value: number
  readonly low: number
  readonly high: number
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, LEGEND] = [640, 260, 44, 28, 10, 18] as const
/** Colours of the page: --c0 to --c7; more series begin again, dashed. */
const COLOURS = 8

/** Lines over rounds, from 0 upwards. */
export function lineChart(title: string, unit: string, series: readonly Series[]): string {
  const rounds = Math.max(1, ...series.map(({ values }) => values.length))
  const top = Math.max(1e-9, ...series.flatMap(({ values }) => values.filter((y) => Number.isFinite(y))))
  const x = (i: number): number => LEFT + (rounds === 1 ? 0.5 : i / (rounds - 1)) * (WIDTH - LEFT - 12)
  const y = (value: number): number => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM)
  const lines = series.map(({ values }, s) => {
    const points = values.flatMap((value, i) =>
      Number.isFinite(value) ? [`${x(i).toFixed(1)},${y(value).toFixed(1)}`] : [],
    )
    // One point is no line.
    if (points.length === 1)
      return `<circle cx="${points[0]?.split(',')[0]}" cy="${points[0]?.split(',')[1]}" r="3" fill="var(--c${s % COLOURS})"/>`
    return `<polyline points="${points.join(' ')}" ${stroke(s)}/>`
  })
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<line x1="${LEFT}" x2="${WIDTH - 12}" y1="${y(top * share)}" y2="${y(top * share)}" class="grid"/>` +
      `<text x="${LEFT - 6}" y="${y(top * share) + 4}" text-anchor="end">${(top * share).toPrecision(2)}</text>`,
  )
  const labels = [...new Set([1, Math.ceil(rounds / 2), rounds])].map(
    (round) => `<text x="${x(round - 1)}" y="${HEIGHT - 8}" text-anchor="middle">${round}</text>`,
  )
  return figure(title, `${unit} by round`, HEIGHT, [...ticks, ...labels, ...lines], series)
}

/** A bar an arm, with the ends of its interval. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const [row, left] = [22, 230]
  const height = bars.length * row + 24
  const x = (value: number): number => left + Math.min(1, Math.max(0, value)) * (WIDTH - left - 50)
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<line x1="${x(share)}" x2="${x(share)}" y1="0" y2="${height - 20}" class="grid"/>` +
      `<text x="${x(share)}" y="${height - 6}" text-anchor="middle">${share * 100}</text>`,
  )
  const drawn = bars.flatMap(({ name, value, low, high }, i) => {
    if (!Number.isFinite(value)) return []
    const middle = i * row + row / 2
    const whisker = Number.isFinite(low)
      ? `<line x1="${x(low)}" x2="${x(high)}" y1="${middle}" y2="${middle}" class="whisker"/>`
      : ''
    return [
      `<text x="${left - 6}" y="${middle + 4}" text-anchor="end">${escaped(name.slice(0, 34))}</text>` +
        `<rect x="${left}" y="${middle - 7}" width="${x(value) - left}" height="14" fill="var(--c0)"/>${whisker}` +
        `<text x="${WIDTH - 44}" y="${middle + 4}">${(100 * value).toFixed(1)}</text>`,
    ]
  })
  return figure(title, 'accuracy in %', height, [...ticks, ...drawn], [])
}

function stroke(series: number): string {
  const dash = series < COLOURS ? '' : ' stroke-dasharray="5 4"'
  return `fill="none" stroke="var(--c${series % COLOURS})" stroke-width="2"${dash}`
}

function figure(
  title: string,
  what: string,
  height: number,
  parts: readonly string[],
  series: readonly Series[],
): string {
  const legend = series.map(
    ({ name }, s) =>
      `<line x1="${LEFT}" x2="${LEFT + 22}" y1="${height + s * LEGEND + 8}" y2="${height + s * LEGEND + 8}" ${stroke(s)}/>` +
      `<text x="${LEFT + 30}" y="${height + s * LEGEND + 12}">${escaped(name)}</text>`,
  )
  const whole = height + series.length * LEGEND + (series.length > 0 ? 6 : 0)
  return `<figure><figcaption>${escaped(title)}: ${escaped(what)}</figcaption><svg viewBox="0 0 ${WIDTH} ${whole}" role="img" aria-label="${escaped(`${title}, ${what}`)}">${[...parts, ...legend].join('')}</svg></figure>`
}
