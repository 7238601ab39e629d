/** @file Curves as programs that draw curves take them: one of each name a run, a run a site, and one for all together. */

export interface Point {
  /** The round. */
  readonly step: number
  readonly atMs: number
  readonly value: number
}

/** Curves by name; a name may have `/`, for groups. */
export type Series = ReadonlyMap<string, readonly Point[]>

export interface TrackedRun {
  /** A site, or `global`. */
  readonly name: string
  readonly series: Series
}

export interface TrackedStudy {
  readonly study: string
  readonly createdAtMs: number
  /** When it ended; null while it may go on. */
  readonly endedAtMs: number | null
  /** Its settings, flat. */
  readonly settings: ReadonlyMap<string, string>
  readonly runs: readonly TrackedRun[]
}
