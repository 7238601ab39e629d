import { describe, expect, test } from 'vitest'
import { lineChart, type Point } from '../../../../simulations/experiment/report/line-chart.ts'

const AXIS = { least: 0, most: 1, tick: (value: number) => `${Math.round(100 * value)}` }
const point = (round: number, value: number, spread = 0): Point => ({
  round,
  value,
  low: value - spread,
  high: value + spread,
})
const texts = (svg: string | null): string[] =>
  [...(svg ?? '').matchAll(/<text[^>]*>([^<]*)</g)].map(([, text = '']) => text)

describe('lineChart()', () => {
  test('has an axis of round numbers around the values, within what values can be', () => {
    expect(
      texts(lineChart('a', [{ name: 's', points: [point(1, 0.62), point(9, 0.81)] }], AXIS)).join(' '),
    ).toBe('60 65 70 75 80 85 1 5 9')
    expect(texts(lineChart('a', [{ name: 's', points: [point(1, 0.9), point(2, 1)] }], AXIS)).join(' ')).toBe(
      '90 95 100 1 2',
    )
  })
  test('puts rounds at their place, also where some are not told', () => {
    const chart = lineChart('a', [{ name: 's', points: [point(1, 0), point(2, 0.5), point(5, 1)] }], AXIS)
    // 40 to 410 are four rounds.
    expect(chart).toContain('<polyline points="40.0,206.0 132.5,108.0 410.0,10.0"')
  })
  test('draws the band of a series to its lowest and highest, and back', () => {
    const chart = lineChart('a', [{ name: 's', points: [point(1, 0.5, 0.5), point(2, 0.5, 0.25)] }], AXIS)
    expect(chart).toContain('<polygon points="40.0,10.0 410.0,59.0 410.0,157.0 40.0,206.0"')
  })
  test('one round is a point, and no round is no chart', () => {
    expect(lineChart('a', [{ name: 's', points: [point(3, 0.5)] }], AXIS)).toContain('<circle')
    expect(lineChart('a', [{ name: 's', points: [] }], AXIS)).toBeNull()
  })
  test('never takes a name for markup', () => {
    expect(lineChart('<i>', [{ name: '<b>', points: [point(1, 0.5)] }], AXIS)).not.toMatch(/<i>|<b>/)
  })
})
