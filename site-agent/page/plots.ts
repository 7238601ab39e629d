/** @file Plots as SVG, drawn by hand: bars, histograms, boxes. Their colours are the page's, so that they follow light and dark. */
import type { Histogram, Spread } from '../data/index.ts'
import { escaped } from './html.ts'

const WIDTH = 640
/** Room for names at the left, in units of the drawing; longer ones are cut off. */
const NAMES = 150
const NAME_CHARACTERS = 22
const ROW = 24
const PLOT = WIDTH - NAMES - 60
const HEIGHT = 150
const AXIS = 22

export interface BarRow {
  readonly name: string
  /** Lengths one after another. */
  readonly parts: readonly number[]
}

/** Horizontal bars, their parts in the colours `part0`, `part1`, …. */
export function barPlot(label: string, rows: readonly BarRow[]): string {
  const most = Math.max(1, ...rows.map(({ parts }) => sum(parts)))
  const drawn = rows.map(({ name, parts }, i) => {
    let x = NAMES
    const bars = parts.map((count, part) => {
      const width = (count / most) * PLOT
      x += width
      return `<rect class="part${part}" x="${n(x - width)}" y="${i * ROW + 4}" width="${n(width)}" height="${ROW - 8}"><title>${count}</title></rect>`
    })
    return `${nameText(name, i)}${bars.join('')}<text x="${n(x + 6)}" y="${i * ROW + 16}">${sum(parts)}</text>`
  })
  return svg(label, rows.length * ROW, drawn.join(''))
}

/** A histogram with its ends and middle written below. @param tick Writes a place on the axis. */
export function histogramPlot(
  label: string,
  { from, to, counts }: Histogram,
  tick: (value: number) => string,
): string {
  const most = Math.max(1, ...counts)
  const step = (WIDTH - 40) / counts.length
  const bars = counts.map((count, i) => {
    const height = (count / most) * HEIGHT
    return `<rect class="part0" x="${n(20 + i * step + 1)}" y="${n(HEIGHT - height)}" width="${n(step - 2)}" height="${n(height)}"><title>${count} tiles</title></rect>`
  })
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (place) =>
      `<text class="middle" x="${n(20 + place * (WIDTH - 40))}" y="${HEIGHT + 16}">${escaped(tick(from + place * (to - from)))}</text>`,
  )
  const axis = `<line x1="20" y1="${HEIGHT}" x2="${WIDTH - 20}" y2="${HEIGHT}"/>`
  return svg(label, HEIGHT + AXIS, bars.join('') + axis + ticks.join(''))
}

export interface BoxRow {
  readonly name: string
  /** Null: nothing to draw. */
  readonly spread: Spread | null
}

/** Boxes from the 25th to the 75th percentile with whiskers to the 5th and 95th. @param tick Writes a value. */
export function boxPlot(label: string, rows: readonly BoxRow[], tick: (value: number) => string): string {
  const values = rows.flatMap(({ spread }) => spread ?? [])
  const [low, high] = [Math.min(0, ...values), Math.max(1e-9, ...values)]
  const x = (value: number): number => NAMES + ((value - low) / (high - low)) * PLOT
  const drawn = rows.map(({ name, spread }, i) => {
    if (spread === null) return nameText(name, i)
    const [p5, p25, p50, p75, p95] = spread
    const y = i * ROW + ROW / 2
    return `${nameText(name, i)}<g><title>${spread.map(tick).join(' · ')}</title>
<line x1="${n(x(p5))}" y1="${y}" x2="${n(x(p95))}" y2="${y}"/>
<rect class="part0" x="${n(x(p25))}" y="${y - 7}" width="${n(Math.max(1, x(p75) - x(p25)))}" height="14"/>
<line class="strong" x1="${n(x(p50))}" y1="${y - 8}" x2="${n(x(p50))}" y2="${y + 8}"/></g>`
  })
  const bottom = rows.length * ROW
  const ticks = [low, (low + high) / 2, high].map(
    (value) => `<text class="middle" x="${n(x(value))}" y="${bottom + 16}">${escaped(tick(value))}</text>`,
  )
  return svg(label, bottom + AXIS, drawn.join('') + ticks.join(''))
}

function svg(label: string, height: number, content: string): string {
  return `<svg role="img" aria-label="${escaped(label)}" viewBox="0 0 ${WIDTH} ${height}">${content}</svg>`
}

function nameText(name: string, row: number): string {
  const short = name.length > NAME_CHARACTERS ? `${name.slice(0, NAME_CHARACTERS - 1)}…` : name
  return `<text class="end" x="${NAMES - 8}" y="${row * ROW + 16}">${escaped(short)}</text>`
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** A coordinate: hundredths are finer than any screen. */
function n(value: number): string {
  return String(Math.round(value * 100) / 100)
}
