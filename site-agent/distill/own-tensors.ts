/**
 * @file The student's tensors that are each site's own (`local-only` in the study's layout: FedBN's batch norms; and the modules that its
 * method trains beside it): put in place of the federation's when a round begins, kept when it ends.
 *
 * Source: Li et al., FedBN, ICLR 2021, Algorithm 1, https://arxiv.org/abs/2102.07623.
 */
import type { Layout, TensorSpec, Weights } from '@tessera/shared/model'
import { withoutPrefix, withPrefix } from './tensor-map.ts'

/** Before their names in a site's state. */
const OWN_PREFIX = 'own.'

/** The student to train: the federation's with the site's own tensors, where it has any yet. */
export function withOwn(student: Weights, own: Weights): Weights {
  if (own.size === 0) return student
  return new Map([...student].map(([name, values]) => [name, own.get(name) ?? values]))
}

/** A student's tensors that are the site's own. @param modules Of the method. */
export function ownOf({ tensors }: Layout, modules: readonly TensorSpec[], student: Weights): Weights {
  const own = [...tensors.filter(({ kind }) => kind === 'local-only'), ...modules]
  return new Map(
    own.flatMap(({ name }) => {
      const values = student.get(name)
      return values ? [[name, values] as const] : []
    }),
  )
}

/** As entries of a state, and back. */
export function ownInState(own: Weights): [string, Float32Array][] {
  return withPrefix(OWN_PREFIX, own)
}
export function ownFromState(tensors: Weights): Weights {
  return withoutPrefix(OWN_PREFIX, tensors)
}
