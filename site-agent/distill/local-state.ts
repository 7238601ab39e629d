/** @file What a site keeps between rounds, as plain data. It never leaves the site. */
import { TesseraError } from '@tessera/shared/errors'
import type { Study } from '@tessera/shared/protocol'

const VERSION = 1

/** Momentum teacher, queue, optimiser: everything needed to go on. It can be structured-cloned and stored. */
export interface LocalState {
  readonly version: typeof VERSION
  readonly study: string
  readonly site: string
  /** Tensors by name, float32, in PyTorch's element order. */
  readonly tensors: ReadonlyMap<string, Float32Array>
  readonly counters: Readonly<Record<string, number>>
}

/** Marks `tensors` and `counters` as this site's of this study. */
export function localState(
  study: Study,
  site: string,
  parts: Pick<LocalState, 'tensors' | 'counters'>,
): LocalState {
  return { version: VERSION, study: study.id, site, ...parts }
}

/** @throws {TesseraError} ERR_STORE_CORRUPT if the state is another study's, another site's or of another version. */
export function assertOwnState(state: LocalState, study: Study, site: string): void {
  const fits = state.version === VERSION && state.study === study.id && state.site === site
  if (fits) return
  throw new TesseraError(
    'ERR_STORE_CORRUPT',
    `local state must be version ${VERSION} of site ${site} in study ${study.id}, got version ${state.version} of site ${state.site} in study ${state.study}`,
  )
}
