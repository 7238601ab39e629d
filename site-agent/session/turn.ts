/** @file Taking turns: where many sites share one machine, as in a simulation, a round is done within a turn, and what it needs is in memory only for so long. */

/** Does the work when it is its turn. Rejects with what `signal` says when that comes first. */
export type Turn = <T>(signal: AbortSignal, work: () => Promise<T>) => Promise<T>

/** A site with a machine of its own: its turn is always. */
export const atOnce: Turn = (_, work) => work()
