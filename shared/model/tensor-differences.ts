/** @file How a file's tensors differ from those a network has, in a sentence that names them without ever getting long. */
import type { TensorSpec } from './layout.ts'
import { quoted } from './safetensors-header.ts'

export interface Differences {
  readonly missing: readonly string[]
  readonly extra: readonly string[]
  /** `<name> [got shape] for [wanted shape]` */
  readonly otherShape: readonly string[]
  readonly count: number
}

/** Most names of each kind in a sentence. */
const MOST_NAMES = 4

/** Compares names and shapes. */
export function differences(
  wanted: readonly TensorSpec[],
  got: ReadonlyMap<string, { readonly shape: readonly number[] }>,
): Differences {
  const names = new Set(wanted.map(({ name }) => name))
  const missing = wanted.flatMap(({ name }) => (got.has(name) ? [] : [name]))
  const extra = [...got.keys()].filter((name) => !names.has(name)).map(quoted)
  const otherShape = wanted.flatMap(({ name, shape }) => {
    const have = got.get(name)?.shape
    if (have === undefined || have.join() === shape.join()) return []
    return [`${name} [${have.join(', ')}] for [${shape.join(', ')}]`]
  })
  return { missing, extra, otherShape, count: missing.length + extra.length + otherShape.length }
}

/** For instance `missing fc.bias; not of it "head.weight" and 3 more`. */
export function differenceText({ missing, extra, otherShape }: Differences): string {
  const parts = [
    ['missing', missing],
    ['not of it', extra],
    ['of another shape', otherShape],
  ] as const
  return parts.flatMap(([kind, names]) => (names.length === 0 ? [] : [`${kind} ${listed(names)}`])).join('; ')
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).join(', ')
  const rest = names.length - MOST_NAMES
  return rest > 0 ? `${shown} and ${rest} more` : shown
}
