/** @file Prints a federation's contest as a table: seconds a round, what they go to, memory of the server, ratios with their spread. */
import type { ContestResult } from './results.ts'
import { digits } from './table.ts'

const NAME = 26

/** @param titles Names as people read them, by contender. */
export function federationTable(
  { label, perStep, contenders, ratios }: ContestResult,
  titles: Readonly<Record<string, string>>,
): string {
  const title = (name: string): string => titles[name] ?? name
  const lines = [
    `${label.padEnd(NAME)}${'s/round'.padStart(9)}${'best'.padStart(9)}${'server MB'.padStart(11)}`,
  ]
  for (const { name, rate, peakBytes, parts, processor } of contenders) {
    const seconds = (bytesPerSecond: number): string => digits(perStep / bytesPerSecond).padStart(9)
    const memory = (peakBytes / 1e6).toFixed(0).padStart(11)
    lines.push(`${`  ${title(name)}`.padEnd(NAME)}${seconds(rate.median)}${seconds(rate.max)}${memory}`)
    if (parts) lines.push(`    ${partsText(parts, perStep)}`)
    if (processor) lines.push(`    processor: ${secondsText(processor)}`)
  }
  for (const { of, to, speed, memory } of ratios) {
    lines.push(
      `  ${title(of)} to ${title(to)}: ${digits(speed.median)} × the speed (${digits(speed.min)} to ${digits(speed.max)}), ${memory.toFixed(2)} × the memory`,
    )
  }
  return `${lines.join('\n')}\n`
}

/** The upload path is from the end of training to the published student: signed, sent, verified, synced, averaged. */
function partsText(parts: Readonly<Record<string, number>>, bytes: number): string {
  const { upload = 0, publish = 0 } = parts
  return `${secondsText(parts)}; upload path ${digits(bytes / (upload + publish) / 1e6)} MB/s`
}

function secondsText(named: Readonly<Record<string, number>>): string {
  return Object.entries(named)
    .map(([name, seconds]) => `${name} ${digits(seconds)} s`)
    .join(', ')
}
