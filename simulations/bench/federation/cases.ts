/** @file What the verb `federation` measures: a model and a number of sites, `21mb:3`, and who takes part where. */
import { TesseraError } from '@tessera/shared/errors'
import { MAX_SITES } from '@tessera/shared/protocol'
import type { ModelName } from './studies.ts'

export interface FederationCase {
  readonly model: ModelName
  readonly sites: number
}

/** Names as they are typed, and as people read them. */
export const FEDERATIONS = {
  tessera: 'Tessera',
  flower: 'Flower, 1 tensor',
  'flower-213': 'Flower, 213 tensors',
  nvflare: 'NVFLARE simulator',
} as const
export type FederationName = keyof typeof FEDERATIONS
/** Python packages, by the names they are imported under, that a peer's federation needs. */
export const PACKAGES_OF: Readonly<Record<Exclude<FederationName, 'tessera'>, readonly string[]>> = {
  flower: ['flwr', 'numpy'],
  'flower-213': ['flwr', 'numpy'],
  nvflare: ['nvflare', 'numpy'],
}

const MODEL_NAMES: readonly string[] = ['small', '21mb', '250mb'] satisfies readonly ModelName[]

/**
 * The cases that the project measures itself by. A peer takes part where its figure tells something: at 20 sites of one machine, 21 MB each, Flower's
 * processes alone would fill its memory.
 */
export const DEFAULT_CASES =
  '21mb:3,small:3,small:20,21mb:1,21mb:20,250mb:1,250mb:3,250mb:20,small:100,small:1000'
const WITH_PEERS: Readonly<Record<string, readonly FederationName[]>> = {
  '21mb:3': ['tessera', 'flower', 'flower-213', 'nvflare'],
  'small:3': ['tessera', 'flower', 'nvflare'],
  'small:20': ['tessera', 'flower'],
}

/** Who takes part in a case when nobody says. */
export function federationsOf(one: FederationCase): readonly FederationName[] {
  return WITH_PEERS[caseText(one)] ?? ['tessera']
}

export function caseText({ model, sites }: FederationCase): string {
  return `${model}:${sites}`
}

/** Reads cases as they are typed, `21mb:3,small:20`. @throws {TesseraError} ERR_USAGE if one is none. */
export function parseCases(text: string): FederationCase[] {
  return text.split(',').map((part) => {
    const [, model = '', digits] = /^(\w+):(\d{1,4})$/.exec(part.trim()) ?? []
    const sites = Number(digits)
    if (MODEL_NAMES.includes(model) && sites >= 1 && sites <= MAX_SITES)
      return { model: model as ModelName, sites }
    throw new TesseraError(
      'ERR_USAGE',
      `case must be MODEL:SITES with ${MODEL_NAMES.join(', ')} and 1 to ${MAX_SITES} sites, got ${part}`,
    )
  })
}

/** Reads names as they are typed, `tessera,nvflare`. @throws {TesseraError} ERR_USAGE if one is unknown or there twice. */
export function parseFederations(text: string): FederationName[] {
  const names = text.split(',').map((part) => part.trim())
  const known = Object.keys(FEDERATIONS)
  for (const [i, name] of names.entries()) {
    if (known.includes(name) && names.indexOf(name) === i) continue
    throw new TesseraError(
      'ERR_USAGE',
      `contenders must be different ones of ${known.join(', ')}, got ${text}`,
    )
  }
  return names as FederationName[]
}
