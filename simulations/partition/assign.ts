/**
 * @file Who holds what: groups of items over sites, and over the parts of one site. A group (patient, slide, source picture) is never divided.
 */
import { TesseraError } from '@tessera/shared/errors'
import type { Random } from '@tessera/shared/random'

/** What a partition needs to know of a tile. */
export interface Item {
  readonly label: string
  /** Items of the same group stay together. An item alone has a group of its own. */
  readonly group: string
}

interface Group<T extends Item> {
  readonly items: readonly T[]
  /** Its most frequent label; the first by name on a tie. */
  readonly label: string
}

/**
 * How items of one place are spread over sites. `alpha` is Dirichlet's: 0.1 nearly one class a site, 100 nearly even. `quantity`: one draw for all
 * classes, so sites differ in size only. `labels`: each site has `classes` of the classes, and shares each evenly with the others that have it.
 */
export type PartitionRule =
  | { readonly kind: 'iid' }
  | { readonly kind: 'dirichlet'; readonly alpha: number }
  | { readonly kind: 'quantity'; readonly alpha: number }
  | { readonly kind: 'labels'; readonly classes: number }

export interface AssignOptions {
  readonly sites: number
  readonly rule: PartitionRule
  /** Fewest items of a site. */
  readonly minItems: number
  readonly random: Random
}

/** Draws before giving up: with two classes and α = 0.1 about one draw in ten leaves every site two classes. */
const MAX_DRAWS = 500

/**
 * Spreads whole groups over sites. By `dirichlet`, each label's groups are divided in shares drawn from Dirichlet(α, …, α) over the sites; drawn again
 * until every site has two labels at least and `minItems` items. Source: Hsu, Qi and Brown, 2019, https://arxiv.org/abs/1909.06335, label by label.
 * @returns One list a site; every item is in exactly one.
 * @throws {TesseraError} ERR_CONFIG_INVALID when the items cannot give every site two labels and `minItems`.
 */
export function assignToSites<T extends Item>(items: readonly T[], options: AssignOptions): T[][] {
  const groups = groupItems(items)
  for (let draw = 0; draw < MAX_DRAWS; draw++) {
    const sites = spread(groups, options, options.random.fork(`assign-${draw}`))
    const enough = sites.every(
      (site) => site.length >= options.minItems && new Set(site.map((item) => item.label)).size >= 2,
    )
    if (enough) return sites
  }
  throw new TesseraError(
    'ERR_CONFIG_INVALID',
    `partition must leave each of ${options.sites} sites 2 classes and ${options.minItems} tiles, got ${items.length} tiles in ${groups.length} groups and no such draw in ${MAX_DRAWS}`,
  )
}

function spread<T extends Item>(groups: readonly Group<T>[], options: AssignOptions, random: Random): T[][] {
  const out: T[][] = Array.from({ length: options.sites }, () => [])
  const labels = byLabel(groups)
  const sharesOf = drawShares(
    labels.map(([label]) => label),
    options,
    random,
  )
  for (const [label, ofLabel] of labels) {
    const stream = random.fork(label)
    const shares = sharesOf(label, stream)
    const order = stream.shuffled(ofLabel)
    const total = order.reduce((sum, group) => sum + group.items.length, 0)
    // Walks along the shares: a group goes to the site in whose stretch its middle lies.
    let walked = 0
    for (const group of order) {
      const middle = (walked + group.items.length / 2) / total
      walked += group.items.length
      out[siteAt(shares, middle)]?.push(...group.items)
    }
  }
  return out
}

/** Gives each label's shares over the sites. */
function drawShares(
  labels: readonly string[],
  { sites, rule }: AssignOptions,
  random: Random,
): (label: string, stream: Random) => readonly number[] {
  const even = Array.from({ length: sites }, () => 1 / sites)
  if (rule.kind === 'iid') return () => even
  if (rule.kind === 'dirichlet') return (_, stream) => stream.dirichlet(rule.alpha, sites)
  if (rule.kind === 'quantity') {
    const shares = random.fork('quantity').dirichlet(rule.alpha, sites)
    return () => shares
  }
  // Dealt in a circle, so that every label has a site as soon as sites × classes reach the labels.
  const order = random.fork('labels').shuffled(labels)
  const has = (site: number, label: string): boolean =>
    Array.from({ length: rule.classes }, (_, k) => order[(site * rule.classes + k) % order.length]).includes(
      label,
    )
  return (label) => {
    const holders = even.map((_, site) => (has(site, label) ? 1 : 0))
    const count = holders.reduce<number>((sum, n) => sum + n, 0)
    if (count > 0) return holders.map((n) => n / count)
    throw new TesseraError(
      'ERR_CONFIG_INVALID',
      `sites must hold every class, got ${sites} sites of ${rule.classes} for ${labels.length} classes`,
    )
  }
}

function siteAt(shares: readonly number[], place: number): number {
  let end = 0
  for (const [site, share] of shares.entries()) {
    end += share
    if (place < end) return site
  }
  return shares.length - 1
}

/** A part set aside and the rest. */
export interface Split<T> {
  readonly aside: T[]
  readonly rest: T[]
}

/**
 * Sets about `share` of the items aside, label by label, whole groups at a time. Of a label with two groups or more, at least one is on each side.
 * @param share In (0, 1).
 */
export function setAside<T extends Item>(items: readonly T[], share: number, random: Random): Split<T> {
  const aside: T[] = []
  const rest: T[] = []
  for (const [label, groups] of byLabel(groupItems(items))) {
    const order = random.fork(label).shuffled(groups)
    const total = order.reduce((sum, group) => sum + group.items.length, 0)
    let taken = 0
    for (const [i, group] of order.entries()) {
      const size = group.items.length
      const first = i === 0 && order.length > 1
      const last = i === order.length - 1
      // Taken while that brings the sum nearer to the share; the first always, the last never.
      const take = first || (!last && taken + size / 2 <= share * total)
      if (take) taken += size
      ;(take ? aside : rest).push(...group.items)
    }
  }
  return { aside, rest }
}

/** Number of items by label, for every label of `labels`. */
export function countByLabel(items: readonly Item[], labels: readonly string[]): number[] {
  return labels.map((label) => items.filter((item) => item.label === label).length)
}

function groupItems<T extends Item>(items: readonly T[]): Group<T>[] {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(item.group)
    if (group === undefined) groups.set(item.group, [item])
    else group.push(item)
  }
  return [...groups.values()].map((members) => ({ items: members, label: mainLabel(members) }))
}

function mainLabel(items: readonly Item[]): string {
  const counts = new Map<string, number>()
  for (const { label } of items) counts.set(label, (counts.get(label) ?? 0) + 1)
  return [...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0] ?? ''
}

/** Groups by label, labels in order: the draw must not depend on the order of files. */
function byLabel<T extends Item>(groups: readonly Group<T>[]): [string, Group<T>[]][] {
  const labels = new Map<string, Group<T>[]>()
  for (const group of groups) {
    const of = labels.get(group.label)
    if (of === undefined) labels.set(group.label, [group])
    else of.push(group)
  }
  return [...labels].toSorted(([a], [b]) => (a < b ? -1 : 1))
}
