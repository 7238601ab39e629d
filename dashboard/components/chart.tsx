/** @file Curves over rounds: drawn by uPlot from thinned points, with a legend that can be used by keyboard and the same numbers as a table. */
import type { JSX } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { type Curve, chartOptions } from './chart-options.ts'
import { ChartTable } from './chart-table.tsx'
import { decimate } from './decimate.ts'
import { Legend } from './legend.tsx'

export interface ChartProps {
  /** What is drawn; read out for the picture. */
  readonly label: string
  readonly xLabel: string
  /** Ascending. */
  readonly xs: readonly number[]
  readonly curves: readonly Curve[]
  /** Between two curves, by their indices: a region that is filled. */
  readonly band?: readonly [upper: number, lower: number] | undefined
  /** Marked: its place in `xs`. */
  readonly mark?: { readonly x: number; readonly label: string } | undefined
  readonly format: (value: number | null) => string
  /** Drawn again when it changes. */
  readonly theme: 'light' | 'dark'
  readonly labels: { readonly showTable: string; readonly hideTable: string }
}

/** Points of one curve on a screen; more than its pixels would all be covered by others. */
const MOST_POINTS = 1200

export function Chart(props: ChartProps): JSX.Element {
  const { label, xLabel, xs, curves, band, mark, format, theme, labels } = props
  const holder = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const [cursor, setCursor] = useState<number | null>(null)
  const [asTable, setAsTable] = useState(false)
  const kept = useMemo(
    () =>
      decimate(
        curves.map(({ values }) => values),
        xs.length,
        MOST_POINTS,
      ),
    [xs, curves],
  )
  const data = useMemo<uPlot.AlignedData>(
    () => [kept.map((i) => xs[i] ?? 0), ...curves.map(({ values }) => kept.map((i) => values[i] ?? null))],
    [kept, xs, curves],
  )
  const shape = JSON.stringify([
    theme,
    xLabel,
    band,
    mark,
    curves.map(({ name, colour, style }) => [name, colour, style]),
  ])

  useEffect(() => {
    const element = holder.current
    if (element === null) return undefined
    const size = (): { width: number; height: number } => ({
      width: element.clientWidth,
      height: element.clientHeight,
    })
    const made = new uPlot(
      {
        ...chartOptions({ xLabel, curves, band, mark, colours: getComputedStyle(element) }),
        ...size(),
        hooks: { setCursor: [({ cursor: { idx } }) => setCursor(idx ?? null)] },
      },
      data,
      element,
    )
    plot.current = made
    const observer = new ResizeObserver(() => made.setSize(size()))
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
      plot.current = null
    }
    // New data go into the plot that is there: only another shape needs another plot.
  }, [shape])
  useEffect(() => plot.current?.setData(data), [data])
  useEffect(() => {
    for (const [i, { name }] of curves.entries()) plot.current?.setSeries(i + 1, { show: !hidden.has(name) })
  }, [hidden, shape])

  const at = cursor === null ? null : (kept[cursor] ?? null)
  const toggle = (name: string): void => {
    const next = new Set(hidden)
    if (!next.delete(name)) next.add(name)
    setHidden(next)
  }
  return (
    <figure class="chart">
      <div class="chart-plot" ref={holder} role="img" aria-label={label} />
      <figcaption class="chart-foot">
        <Legend curves={curves} hidden={hidden} at={at} format={format} onToggle={toggle} />
        <button
          type="button"
          class="button button--small"
          aria-expanded={asTable}
          onClick={() => setAsTable(!asTable)}
        >
          {asTable ? labels.hideTable : labels.showTable}
        </button>
      </figcaption>
      {asTable && <ChartTable label={label} xLabel={xLabel} xs={xs} curves={curves} format={format} />}
    </figure>
  )
}
