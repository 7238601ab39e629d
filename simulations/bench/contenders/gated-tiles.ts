/** @file A source of one batch again and again, each time only when it is let through: it lets a referee stop a trainer between two steps. */
import type { TileBatch, TileSource } from '@tessera/site-agent/distill'

export interface GatedTiles {
  readonly source: TileSource
  /** Lets one more batch through. Resolves when the reader asks for the next one: it is done with this one. */
  release(): Promise<void>
  /** Ends the reader's epoch. */
  close(): void
}

/** More batches than any contest asks for: a trainer computes its progress from the count. */
const ENDLESS = 1_000_000

/** @param classes Number of the study's classes. */
export function gatedTiles(batch: TileBatch, sizePx: number, classes: number): GatedTiles {
  const count = batch.size * ENDLESS
  const gate = { open: createSignal(), asked: createSignal(), closed: false }
  async function* batches(): AsyncGenerator<TileBatch> {
    for (;;) {
      gate.asked.resolve()
      await gate.open.promise
      if (gate.closed) return
      gate.open = createSignal()
      yield batch
    }
  }
  return {
    source: {
      sizePx,
      count,
      classCounts: Array.from({ length: classes }, () => count / classes),
      skipped: 0,
      batches,
    },
    async release() {
      await gate.asked.promise
      gate.asked = createSignal()
      gate.open.resolve()
      await gate.asked.promise
    },
    close() {
      gate.closed = true
      gate.open.resolve()
    },
  }
}

interface Signal {
  readonly promise: Promise<void>
  resolve(): void
}

function createSignal(): Signal {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
