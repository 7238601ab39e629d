/** @file What was found in a site's data, for people. */
import { printable } from '@tessera/shared/printable'
import {
  type DataReport,
  EMPTY_SHARE,
  LEAK_KINDS,
  type NamedPair,
  type NamedTiles,
  PARTS,
  type Quality,
} from '../data/index.ts'
import { slideLines } from './slide-lines.ts'
import { table } from './table.ts'

/** Lines of the report: counts only. */
export function dataLines(report: DataReport): string[] {
  const { skipped, parts, nearDuplicates, leaks } = report
  const reasons = [
    `${skipped.ERR_DATA_TILE_UNREADABLE} unreadable`,
    `${skipped.ERR_DATA_TILE_NOT_RGB} not 8-bit RGB`,
    `${skipped.ERR_DATA_TILE_TOO_LARGE} too large`,
  ]
  const bad = Object.values(skipped).reduce((sum, count) => sum + count, 0)
  const shared = LEAK_KINDS.filter((kind) => leaks[kind] > 0).map((kind) => `${leaks[kind]} by ${kind}`)
  return [
    ...table(parts === null ? countRows(report) : partRows(report, parts)),
    ...mappedLines(report),
    '',
    `skipped      ${bad}: ${reasons.join(', ')}`,
    `duplicates   ${report.duplicates}, of which ${report.contradictions} under another class`,
    ...(nearDuplicates === null ? [] : [`near         ${nearDuplicates} pairs of nearly the same picture`]),
    ...(parts === null ? [] : [`leakage      ${shared.length === 0 ? 'none' : shared.join(', ')}`]),
    `resized      ${report.resized}`,
    `other files  ${report.otherFiles}`,
    ...(report.slides === undefined ? [] : ['', ...slideLines(report.slides)]),
  ]
}

function countRows({ classCounts, tiles }: DataReport): (string | number)[][] {
  return [['class', 'tiles'], ...classCounts.map(({ name, tiles }) => [name, tiles]), ['total', tiles]]
}

function partRows(
  { classCounts }: DataReport,
  sums: NonNullable<DataReport['parts']>,
): (string | number)[][] {
  return [
    ['class', ...PARTS],
    ...classCounts.map(({ name, parts }) => [name, ...PARTS.map((part) => parts[part])]),
    ['total', ...PARTS.map((part) => sums[part])],
  ]
}

/** Only where a label is not called as its class. */
function mappedLines({ labels }: DataReport): string[] {
  if (labels.every(({ label, className }) => label === className)) return []
  return [
    '',
    ...table([
      ['label', 'class', 'tiles'],
      ...labels.map(({ label, className, tiles }) => [label, className ?? '(left out)', tiles]),
    ]),
  ]
}

/** Lines on what the tiles look like. */
export function qualityLines({ classes, stains, empty, blurred }: Quality): string[] {
  const rows = classes.map(({ name, sharpness, background, haematoxylin, eosin }) => [
    name,
    sharpness[2].toFixed(0),
    percent(background[2]),
    haematoxylin?.[2].toFixed(2) ?? '',
    eosin?.[2].toFixed(2) ?? '',
  ])
  return [
    ...table([['middle tile of', 'sharpness', 'background', 'haematoxylin', 'eosin'], ...rows]),
    '',
    `background   ${empty} tiles with more than ${percent(EMPTY_SHARE)} of it`,
    `blur         ${blurred} tiles far less sharp than their class`,
    ...stains.map(({ scanner, stain }) => {
      const whose = scanner === null ? 'stain       ' : `scanner ${scanner + 1}`.padEnd(12)
      if (stain === null) return `${whose} not told: too little tissue, or one colour`
      const { haematoxylin, eosin, strength } = stain
      return `${whose} haematoxylin ${vectorText(haematoxylin)} to ${strength[0].toFixed(2)}, eosin ${vectorText(eosin)} to ${strength[1].toFixed(2)}`
    }),
  ]
}

/** Pairs that a screen holds without scrolling; `--show-bad` lists all. */
const PAIRS_SHOWN = 20

/** The pairs that two parts must not share, by name: for the owner of the tiles only. */
export function leakLines({ leaks, isCut }: NamedTiles): string[] {
  if (leaks.length === 0) return []
  const more = leaks.length - PAIRS_SHOWN
  const rest = more > 0 ? [`and ${more}${isCut ? ' or more' : ''} other pairs: --show-bad lists them`] : []
  return ['In two parts:', ...leaks.slice(0, PAIRS_SHOWN).map((pair) => `  ${pairText(pair)}`), ...rest]
}

/** `near-duplicate, 3 bits: a.png (train), b.png (test)`. */
export function pairText({ kind, distance, first, second }: NamedPair): string {
  return printable(`${kind}${kind === 'near-duplicate' ? `, ${distance} bits` : ''}: ${first}, ${second}`)
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

/** `[0.65, 0.70, 0.29]`. */
export function vectorText(values: readonly number[]): string {
  return `[${values.map((value) => value.toFixed(2)).join(', ')}]`
}
