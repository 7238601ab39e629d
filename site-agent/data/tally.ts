/** @file Counts what a tile folder holds, and judges whether too much of it is bad. */
import { TesseraError } from '@tessera/shared/errors'
import { SKIP_REASONS, type SkipReason } from './decode.ts'
import type { Finding } from './survey.ts'

/** Counts while the files go by, and stops when too many are bad. */
export class Tally {
  readonly skipped: Record<SkipReason, number> = {
    ERR_DATA_TILE_UNREADABLE: 0,
    ERR_DATA_TILE_NOT_RGB: 0,
    ERR_DATA_TILE_TOO_LARGE: 0,
  }
  duplicates = 0
  contradictions = 0
  resized = 0
  readonly #labels = new Map<string, number>()
  readonly #files: number
  readonly #maxBadShare: number

  constructor(files: number, maxBadShare: number) {
    this.#files = files
    this.#maxBadShare = maxBadShare
  }

  keep(label: number, { digest, resized }: Finding): void {
    if (resized) this.resized++
    const earlier = this.#labels.get(digest)
    if (earlier === undefined) {
      this.#labels.set(digest, label)
      return
    }
    this.duplicates++
    if (earlier !== label) this.contradictions++
  }

  skip(reason: SkipReason): void {
    this.skipped[reason]++
    const bad = this.skippedCount()
    if (bad <= this.#maxBadShare * this.#files) return
    const reasons = SKIP_REASONS.filter((name) => this.skipped[name] > 0).map(
      (name) => `${name} ${this.skipped[name]}`,
    )
    throw new TesseraError(
      'ERR_DATA_TOO_MANY_BAD',
      `at most ${this.#maxBadShare * 100} % of ${this.#files} tiles must be bad, got ${bad} so far (${reasons.join(', ')})`,
    )
  }

  skippedCount(): number {
    return SKIP_REASONS.reduce((sum, reason) => sum + this.skipped[reason], 0)
  }
}
