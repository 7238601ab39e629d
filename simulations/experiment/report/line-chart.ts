/** @file Lines over rounds as SVG, each with its spread as a band; colours come from the page, for light and dark. Pure. */
import { escaped } from './html.ts'

export interface Series {
  readonly name: string
  readonly points: readonly Point[]
}

export interface Point {
  readonly round: number
  readonly value: number
  /** Ends of its spread; those of one value are the value. */
  readonly low: number
  readonly high: number
}

/** What the upright axis shows. */
export interface Axis {
  /** Bounds that the axis keeps within, where values have some. */
  readonly least: number
  readonly most: number
  tick(value: number): string
}

/** Narrow, so that a telephone's 330 px shrink the letters by a fifth only. */
const [WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM, TOP] = [420, 230, 40, 10, 24, 10] as const
/** Colours of the page: --c0 to --c7; more series begin again, dashed. */
const COLOURS = 8
/** Grid lines: an axis of round numbers has about as many. */
const TICKS = 5

/** @param title With what is shown. Null when no series has a point. */
export function lineChart(title: string, series: readonly Series[], axis: Axis): string | null {
  const drawn = series.filter(({ points }) => points.length > 0)
  const all = drawn.flatMap(({ points }) => points)
  if (all.length === 0) return null
  const rounds = all.map(({ round }) => round)
  const [first, last] = [Math.min(...rounds), Math.max(...rounds)]
  const ticks = roundNumbers(
    Math.min(...all.map(({ low }) => low)),
    Math.max(...all.map(({ high }) => high)),
    axis,
  )
  const [bottom, top] = [ticks[0] ?? 0, ticks.at(-1) ?? 1]
  const x = (round: number): number =>
    LEFT + (first === last ? 0.5 : (round - first) / (last - first)) * (WIDTH - LEFT - RIGHT)
  const y = (value: number): number => TOP + (1 - (value - bottom) / (top - bottom)) * (HEIGHT - TOP - BOTTOM)
  const at = (round: number, value: number): string => `${x(round).toFixed(1)},${y(value).toFixed(1)}`
  const bands = drawn.map(({ points }, s) => {
    const there = points.map(({ round, high }) => at(round, high))
    const back = points.toReversed().map(({ round, low }) => at(round, low))
    return `<polygon points="${[...there, ...back].join(' ')}" class="band" fill="var(--c${s % COLOURS})"/>`
  })
  const lines = drawn.map(({ points }, s) => {
    const line = points.map(({ round, value }) => at(round, value))
    // One point is no line.
    if (points.length > 1) return `<polyline points="${line.join(' ')}" ${stroke(s)}/>`
    const [cx, cy] = (line[0] ?? '').split(',')
    return `<circle cx="${cx}" cy="${cy}" r="3" fill="var(--c${s % COLOURS})"/>`
  })
  const grid = ticks.map(
    (value) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" class="grid"/>` +
      `<text x="${LEFT - 5}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${axis.tick(value)}</text>`,
  )
  const labels = [...new Set([first, Math.round((first + last) / 2), last])].map(
    (round) =>
      `<text x="${x(round).toFixed(1)}" y="${HEIGHT - 6}" text-anchor="${round === last && last > first ? 'end' : 'middle'}">${round}</text>`,
  )
  const parts = [...grid, ...bands, ...lines, ...labels].join('')
  return `<figure><figcaption>${escaped(title)} by round</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(`${title} by round`)}">${parts}</svg>
<ul class="legend">${drawn.map(({ name }, s) => `<li><svg viewBox="0 0 22 8" aria-hidden="true"><line x1="0" x2="22" y1="4" y2="4" ${stroke(s)}/></svg>${escaped(name)}</li>`).join('')}</ul></figure>`
}

function stroke(series: number): string {
  const dash = series < COLOURS ? '' : ' stroke-dasharray="5 4"'
  return `fill="none" stroke="var(--c${series % COLOURS})" stroke-width="2"${dash}`
}

/** Multiples of 1, 2 or 5 times a power of ten, from one below `low` to one above `high`, cut off at what the axis keeps within. */
function roundNumbers(low: number, high: number, { least, most }: Axis): number[] {
  const wanted = Math.max(high - low, 1e-3) / (TICKS - 1)
  const power = 10 ** Math.floor(Math.log10(wanted))
  const step = power * ([1, 2, 5].find((times) => times * power >= wanted) ?? 10)
  const from = Math.floor(low / step)
  const count = Math.max(1, Math.ceil(high / step) - from) + 1
  const all = Array.from({ length: count }, (_, i) => Number(((from + i) * step).toPrecision(12)))
  const kept = all.filter((value) => value >= least && value <= most)
  return kept.length > 1 ? kept : [least, most]
}
