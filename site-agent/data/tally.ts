/** @file Counts what a tile folder holds, and judges whether too much of it is bad. */
import { TesseraError } from '@tessera/shared/errors'
import { SKIP_REASONS, type SkipReason } from './decode.ts'
import type { Finding } from './survey.ts'

/** Counts while the files go by. */
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

  /** @param files Of the whole set. */
  constructor(files: number) {
    this.#files = files
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
  }

  /** Why too many are bad, even if all that have not been seen yet are good; null when they are not. @param maxBadShare 0 to 1. */
  fault(maxBadShare: number): TesseraError | null {
    const bad = this.skippedCount()
    if (bad <= maxBadShare * this.#files) return null
    const reasons = SKIP_REASONS.filter((name) => this.skipped[name] > 0).map(
      (name) => `${name} ${this.skipped[name]}`,
    )
    return new TesseraError(
      'ERR_DATA_TOO_MANY_BAD',
      `at most ${maxBadShare * 100} % of ${this.#files} tiles must be bad, got ${bad} so far (${reasons.join(', ')})`,
    )
  }

  skippedCount(): number {
    return SKIP_REASONS.reduce((sum, reason) => sum + this.skipped[reason], 0)
  }
}
