/** @file Values of some rounds, put beside a longer row of rounds. */
import type { Values } from '../components/decimate.ts'

/** Gives a value for each of `rounds`, null where there is none. */
export function alignTo(rounds: readonly number[], at: readonly number[], values: Values): Values {
  const byRound = new Map(at.map((round, i) => [round, values[i] ?? null]))
  return rounds.map((round) => byRound.get(round) ?? null)
}
