/** @file Prints a contest as a table: rates, memory, ratios with their spread. */
import type { ContestResult } from './results.ts'

const NAME = 24

/**
 * @param unit `images`, `tiles` or `MB`
 * @param titles Names as people read them, by contender.
 */
export function contestTable(
  { label, contenders, ratios }: ContestResult,
  unit: string,
  titles: Readonly<Record<string, string>>,
): string {
  const title = (name: string): string => titles[name] ?? name
  const lines = [
    `${label.padEnd(NAME)}${`${unit}/s`.padStart(10)}${'best'.padStart(9)}${'peak MB'.padStart(10)}`,
  ]
  for (const { name, rate, peakBytes, waitedShare } of contenders) {
    const memory = (peakBytes / 1e6).toFixed(0)
    const waited = waitedShare === undefined ? '' : `  waits for data ${(100 * waitedShare).toFixed(1)} %`
    lines.push(
      `${`  ${title(name)}`.padEnd(NAME)}${digits(rate.median).padStart(10)}${digits(rate.max).padStart(9)}${memory.padStart(10)}${waited}`,
    )
  }
  for (const { of, to, speed, memory } of ratios) {
    lines.push(
      `  ${title(of)} to ${title(to)}: ${speed.median.toFixed(2)} × the speed (${speed.min.toFixed(2)} to ${speed.max.toFixed(2)}), ${memory.toFixed(2)} × the memory`,
    )
  }
  return `${lines.join('\n')}\n`
}

/** Three digits that count. */
export function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
