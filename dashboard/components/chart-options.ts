/** @file How a chart looks, in the colours of its theme. */
import type uPlot from 'uplot'
import type { Values } from './decimate.ts'

export interface Curve {
  readonly name: string
  readonly values: Values
  /** Number of a colour, from 0 to 7 (tokens.css). */
  readonly colour: number
  /** `strong`: the one that is looked for. Dashes tell apart what colours may not. */
  readonly style: 'strong' | 'plain' | 'dashed' | 'edge'
}

export interface ChartLook {
  readonly xLabel: string
  readonly curves: readonly Curve[]
  readonly band: readonly [upper: number, lower: number] | undefined
  readonly mark: { readonly x: number; readonly label: string } | undefined
  readonly colours: Pick<CSSStyleDeclaration, 'getPropertyValue'>
}

/** In the plot's own pixels. */
const DASHES = { strong: [], plain: [], dashed: [6, 4], edge: [2, 3] } as const
const WIDTHS = { strong: 2.5, plain: 1.5, dashed: 1.5, edge: 1 } as const

/** Gives uPlot's options, but for the size. */
export function chartOptions(look: ChartLook): Omit<uPlot.Options, 'width' | 'height'> {
  const { xLabel, curves, band, mark, colours } = look
  const colour = (name: string): string => colours.getPropertyValue(name).trim()
  const axis = {
    stroke: colour('--ink-faint'),
    font: '12px Inter, system-ui, sans-serif',
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1, size: 4 },
  }
  return {
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: true, y: false } },
    scales: { x: { time: false } },
    // Rounds have no fractions, however few there are.
    axes: [
      {
        ...axis,
        label: xLabel,
        labelFont: axis.font,
        labelSize: 18,
        labelGap: 0,
        size: 30,
        incrs: WHOLE_STEPS,
        space: 56,
      },
      { ...axis, size: 56, values: (_, ticks, __, ___, step) => ticks.map((tick) => formatTick(tick, step)) },
    ],
    series: [
      {},
      ...curves.map(({ name, colour: index, style }) => ({
        label: name,
        stroke: colour(`--series-${index}`),
        width: WIDTHS[style],
        dash: [...DASHES[style]],
        spanGaps: true,
        points: { show: (plot: uPlot) => plot.data[0].length < SHOW_POINTS_BELOW, size: 5 },
      })),
    ],
    ...(band && { bands: [{ series: [band[0] + 1, band[1] + 1], fill: colour('--band') }] }),
    plugins: mark === undefined ? [] : [markPlugin(mark, colour('--ink-soft'), axis.font)],
  }
}

/** As many digits as the steps between have: `0.25`, `0.5`, `40`. */
export function formatTick(tick: number, step: number): string {
  const digits = String(Number(step.toPrecision(3))).split('.')[1]?.length ?? 0
  return tick.toFixed(digits)
}

const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000]
/** Of more, the dots would touch; of one, a line alone would not be seen. */
const SHOW_POINTS_BELOW = 40

/** A line with a word at one place: the best round. */
function markPlugin(
  mark: { readonly x: number; readonly label: string },
  colour: string,
  font: string,
): uPlot.Plugin {
  return {
    hooks: {
      draw: [
        (plot) => {
          const { ctx, bbox } = plot
          const x = Math.round(plot.valToPos(mark.x, 'x', true))
          if (x < bbox.left || x > bbox.left + bbox.width) return
          ctx.save()
          ctx.strokeStyle = colour
          ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio])
          ctx.lineWidth = devicePixelRatio
          ctx.beginPath()
          ctx.moveTo(x, bbox.top)
          ctx.lineTo(x, bbox.top + bbox.height)
          ctx.stroke()
          ctx.fillStyle = colour
          ctx.font = font.replace('12px', `${12 * devicePixelRatio}px`)
          const right = x > bbox.left + bbox.width / 2
          ctx.textAlign = right ? 'right' : 'left'
          ctx.textBaseline = 'bottom'
          ctx.fillText(
            mark.label,
            x + (right ? -6 : 6) * devicePixelRatio,
            bbox.top + bbox.height - 4 * devicePixelRatio,
          )
          ctx.restore()
        },
      ],
    },
  }
}
