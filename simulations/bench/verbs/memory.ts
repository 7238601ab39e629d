/** @file The verb `memory`: does a long training hold its memory? The production trainer, step after step, and what the process then holds. */
import { createTrainer } from '@tessera/site-agent/distill'
import { benchStudy, benchWeights, noiseBatch } from '../contenders/bench-study.ts'
import { gatedTiles, sameBatch } from '../contenders/gated-tiles.ts'
import { type EngineName, startNamedEngine } from '../contenders/start-named-engine.ts'
import type { Size } from '../sizes.ts'

export interface MemoryFlags {
  readonly size: readonly Size[]
  readonly engine: EngineName
  readonly steps: number
}

/** Lines that a run prints, the last step's among them. */
const LINES = 20

/** Trains `steps` steps at each size and prints what the process holds, in MB, as it goes. */
export async function measureMemory({ size: sizes, engine, steps }: MemoryFlags): Promise<void> {
  await startNamedEngine(engine)
  for (const size of sizes) {
    const study = benchStudy(size, { masking: true })
    const { student, teacher } = benchWeights(study)
    const tiles = gatedTiles(sameBatch(noiseBatch(size), size.sidePx, study.classes.length))
    const trainer = createTrainer({ study, teacher, tiles: tiles.source, site: 'bench' })
    const stop = new AbortController()
    const round = trainer.trainRound({ round: 1, student, signal: stop.signal })
    const every = Math.max(1, Math.floor(steps / LINES))
    for (let step = 1; step <= steps; step++) {
      await Promise.race([tiles.release(), round])
      if (step % every !== 0) continue
      const megabytes = Math.round(process.memoryUsage().rss / 2 ** 20)
      process.stdout.write(`${size.batch}×${size.sidePx}² ${engine}, step ${step}: ${megabytes} MB\n`)
    }
    stop.abort()
    // The round wakes up to be told; nobody asks for the batch after that.
    await Promise.race([tiles.release(), round]).catch(() => undefined)
    trainer.dispose()
  }
}
