/** @file Tiles that come through only when they are let: it lets a referee stop a trainer between two steps, and sees how long it waits for data. */
import type { TileBatch, TileSource } from '@tessera/site-agent/distill'

export interface GatedTiles {
  readonly source: TileSource
  /** Lets one more batch through. Resolves when the reader asks for the next one: it is done with this one. */
  release(): Promise<void>
  /** Seconds that the reader has waited at an open gate, until now. */
  waitedSeconds(): number
}

/** More batches than any contest asks for: a trainer computes its progress from the count. */
const ENDLESS = 1_000_000

/** @param inner Read again and again, each time in another order; batches that are not full are passed over, so that all steps are alike. */
export function gatedTiles(inner: TileSource): GatedTiles {
  const gate = { open: createSignal(), asked: createSignal() }
  let waitedMs = 0

  async function* batches(options: Parameters<TileSource['batches']>[0]): AsyncGenerator<TileBatch> {
    const full = fullBatches(inner, options)
    for (;;) {
      gate.asked.resolve()
      await gate.open.promise
      gate.open = createSignal()
      const before = performance.now()
      const { value, done } = await full.next()
      waitedMs += performance.now() - before
      if (done === true) return
      yield value
    }
  }
  return {
    source: { ...inner, count: inner.count * ENDLESS, batches },
    async release() {
      await gate.asked.promise
      gate.asked = createSignal()
      gate.open.resolve()
      await gate.asked.promise
    },
    waitedSeconds: () => waitedMs / 1000,
  }
}

/** One batch for ever. @param classes Number of the study's classes. */
export function sameBatch(batch: TileBatch, sizePx: number, classes: number): TileSource {
  return {
    sizePx,
    count: batch.size,
    labels: batch.labels,
    classCounts: Array.from({ length: classes }, () => batch.size / classes),
    skipped: 0,
    async *batches() {
      yield batch
    },
  }
}

async function* fullBatches(
  inner: TileSource,
  options: Parameters<TileSource['batches']>[0],
): AsyncGenerator<TileBatch> {
  for (let epoch = 0; ; epoch++) {
    const random = options.random?.fork(`epoch-${epoch}`) ?? null
    for await (const batch of inner.batches({ ...options, random })) {
      if (batch.size === options.batchSize) yield batch
    }
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
