/** @file What the verbs of a site share: options, output, and the end by Ctrl-C. */
import type { Clock } from '@tessera/shared/clock'
import { createLog, type Log, type LogStyle } from '@tessera/shared/log'
import { type Command, InvalidArgumentError, Option } from 'commander'
import {
  type ColumnNames,
  type DataRules,
  type LabelMap,
  MAX_NEAR_BITS,
  NEAR_BITS,
  parseColumns,
  parseLabelMap,
  parseShares,
  type Shares,
  SPLIT_BY,
  type SplitBy,
} from '../data/index.ts'

export function whole(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('must be a whole number.')
}

/** A share, 0 to 1. */
export function share(text: string): number {
  const value = Number(text)
  if (text !== '' && value >= 0 && value <= 1) return value
  throw new InvalidArgumentError('must be a number from 0 to 1.')
}

export function withDir(command: Command): Command {
  return command.option(
    '-d, --dir <folder>',
    "the site's folder: identity, private key, audit log",
    'site-data',
  )
}

/** What the owner of the tiles says about them, as options. */
export interface DataFlags {
  maxBad: number
  allowMissingClasses?: true
  map?: LabelMap
  columns?: ColumnNames
  split?: Shares
  splitBy: SplitBy
  splitSeed: string
  near: number | null
}

export function withDataRules(command: Command): Command {
  return command
    .option('--max-bad <share>', 'share of files that may be unreadable or not RGB', share, 0.05)
    .option('--allow-missing-classes', 'accept classes of the study that this site has no tiles of')
    .option(
      '--map <pairs>',
      'LABEL=CLASS,…: which class a label of the data is; LABEL=- leaves it out',
      parseLabelMap,
    )
    .option('--columns <pairs>', "ROLE=NAME,…: names of a manifest's columns", parseColumns)
    .option(
      '--split <shares>',
      'TRAIN/VAL/TEST, as 70/15/15: divides data that are not divided yet',
      parseShares,
    )
    .addOption(new Option('--split-by <tie>', 'what stays together').choices(SPLIT_BY).default('auto'))
    .option('--split-seed <text>', 'another seed divides otherwise', 'tessera')
    .option(
      '--near <bits>',
      `near-duplicates differ in at most so many bits of 64, or off`,
      nearBits,
      NEAR_BITS,
    )
}

/** As openTiles takes them. */
export function dataRules(flags: DataFlags): DataRules {
  const { maxBad, map, columns, split, splitBy, splitSeed, near } = flags
  return {
    maxBadShare: maxBad,
    allowMissingClasses: flags.allowMissingClasses === true,
    labelMap: map,
    columns,
    split: split === undefined ? undefined : { shares: split, by: splitBy, seed: splitSeed },
    nearBits: near,
  }
}

function nearBits(text: string): number | null {
  if (text === 'off') return null
  if (/^\d{1,2}$/.test(text) && Number(text) <= MAX_NEAR_BITS) return Number(text)
  throw new InvalidArgumentError(`must be 0 to ${MAX_NEAR_BITS}, or off.`)
}

export function example(command: Command, text: string): void {
  command.addHelpText('after', `\nExample:\n  ${text}`)
}

/** Lines on standard error. Above a progress line only what needs attention is shown. */
export function stderrLog(clock: Clock, style: LogStyle = {}, note?: (text: string) => void): Log {
  if (note === undefined) return createLog((line) => void process.stderr.write(line), clock, {}, style)
  const level = style.level === 'error' ? 'error' : 'warn'
  return createLog((line) => note(line.trimEnd()), clock, {}, { ...style, level })
}
