/** @file What an arm is worth against another on the same seeds, which deal the same tiles: differences, and whether chance would do. Pure. */
import { holm, meanInterval, pairedT } from '@tessera/shared/metrics'
import { accuracyPairs, armTitle, inPoints, type Summary } from './summary.ts'

/** An arm against the reference of its split: accuracy of the arm − accuracy of the reference. */
export interface Contrast {
  readonly split: string
  readonly sites: number
  readonly arm: string
  readonly reference: string
  /** Seeds that both have. */
  readonly seeds: number
  readonly difference: number
  /** 95 % interval of the mean difference (Student's t); NaN for one seed. */
  readonly low: number
  readonly high: number
  /** Two-sided, paired t; NaN where it says nothing. */
  readonly p: number
  /** p among all contrasts of the split (Holm 1979). */
  readonly adjustedP: number
}

/**
 * Each split's arms against its reference: the federated arm of method `reference`, else the central one, in the first scenario. A split without such an
 * arm has no contrasts.
 */
export function contrasts(arms: readonly Summary[], reference: string): Contrast[] {
  const blocks = new Map<string, Summary[]>()
  for (const arm of arms) {
    const key = JSON.stringify([arm.split, arm.sites])
    blocks.set(key, [...(blocks.get(key) ?? []), arm])
  }
  return [...blocks.values()].flatMap((block) => {
    const own = block.filter(({ method }) => method === reference)
    const base = own.find(({ kind }) => kind === 'federated') ?? own.find(({ kind }) => kind === 'central')
    if (base === undefined) return []
    const found = block.filter((arm) => arm !== base).map((arm) => contrast(arm, base))
    const adjusted = holm(found.map(({ p }) => p))
    return found.map((one, i) => ({ ...one, adjustedP: adjusted[i] ?? Number.NaN }))
  })
}

/** In 100 columns: a line a contrast, under the reference of its split. */
export function contrastTable(found: readonly Contrast[]): string {
  const titles = [...new Set(found.map(titleOf))]
  return titles
    .map((title) => {
      const own = found.filter((one) => titleOf(one) === title)
      const header = `${title.padEnd(62)}${'points'.padStart(14)}${'p'.padStart(10)}${'Holm'.padStart(10)}`
      const lines = own.map((one) => {
        const name = `  ${one.arm} (${one.seeds})`.slice(0, 62).padEnd(62)
        return `${name}${inPoints({ ...one, mean: one.difference }).padStart(14)}${probability(one.p).padStart(10)}${probability(one.adjustedP).padStart(10)}`
      })
      return [header, ...lines].join('\n')
    })
    .join('\n\n')
}

const titleOf = ({ split, sites, reference }: Contrast): string =>
  `${split}, ${sites} sites: accuracy against ${reference}`

/** `0.032`, or a dash where the test says nothing. */
export function probability(p: number): string {
  if (!Number.isFinite(p)) return '–'
  return p < 0.001 ? '< 0.001' : p.toFixed(3)
}

function contrast(arm: Summary, base: Summary): Omit<Contrast, 'adjustedP'> {
  const pairs = accuracyPairs(arm, base)
  const { mean, low, high } = meanInterval(pairs.map(({ a, b }) => a - b))
  return {
    split: arm.split,
    sites: arm.sites,
    arm: armTitle(arm),
    reference: armTitle(base),
    seeds: pairs.length,
    difference: mean,
    low,
    high,
    p: pairedT(
      pairs.map(({ a }) => a),
      pairs.map(({ b }) => b),
    ).p,
  }
}
