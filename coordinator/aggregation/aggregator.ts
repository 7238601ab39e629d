/** @file What an aggregation strategy is: it turns the accepted deltas of a round into one. */
import type { Layout, Weights } from '@tessera/shared/model'

/** One accepted update, as a strategy sees it. */
export interface SiteUpdate {
  readonly site: string
  /** Tiles the site trained on in this round. */
  readonly samples: number
  /** Its weight in the mean, in samples: `samples`, or less where {@link import('./share-cap.ts').cappedWeights} holds it down. */
  readonly weight: number
  /** Δ = local − base over the federated layout. */
  readonly delta: Weights
}

/** How the sites' deltas relate to their mean; for people and logs. */
export interface Diagnostics {
  readonly sites: number
  readonly samples: number
  /** L2 norm of the result over the trainable tensors. */
  readonly norm: number
}

/**
 * A strategy. Updates are streamed: one delta is in memory at a time, however many sites report. They come in the order of site
 * ids, so that a round computed twice has the same bits. `State` is what the strategy keeps from round to round.
 */
export interface Aggregator<State> {
  /** As it stands in the published record. */
  readonly name: string
  init(): State
  /** @throws {TesseraError} ERR_ROUND_EMPTY if there is no update; ERR_LAYOUT_MISMATCH if one does not fit the layout. */
  apply(
    state: State,
    updates: AsyncIterable<SiteUpdate>,
  ): Promise<{ state: State; delta: Weights; diagnostics: Diagnostics }>
}

/** Builds a strategy for the models of one layout. */
export type AggregatorFactory<State> = (layout: Layout) => Aggregator<State>
