/**
 * @file Contender: the production training step, inside one long round of the production trainer.
 *
 * The round's tiles come through a gate that opens when the referee says so. What is timed is all that a site pays for a step: the batch into
 * the engine, the step, the loss out; with `--data`, also the wait for tiles that are read and augmented meanwhile.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { MomaMethod, Study } from '@tessera/shared/protocol'
import { openTiles } from '@tessera/site-agent/data'
import { createTrainer, type TileSource } from '@tessera/site-agent/distill'
import { serve } from '../contest/serve.ts'
import { parseSizes, type Size } from '../sizes.ts'
import { benchStudy, benchWeights, noiseBatch } from './bench-study.ts'
import { gatedTiles, sameBatch } from './gated-tiles.ts'
import { encodeStart } from './start-file.ts'
import { type EngineName, startNamedEngine } from './start-named-engine.ts'
import { timeSteps } from './time-steps.ts'

/** Starts a round that waits at its gate; the result lets one step through. The seam to the trainer: a change of its interface ends here. */
async function startRound(study: Study, source: TileSource, startFile?: string): Promise<StepThrough> {
  const { student, teacher } = benchWeights(study)
  const tiles = gatedTiles(source)
  const trainer = createTrainer({ study, teacher, tiles: tiles.source, site: 'bench' })
  if (startFile !== undefined) {
    const { tensors } = await trainer.state()
    const queue = tensors.get('queue') ?? new Float32Array()
    await writeFile(
      startFile,
      encodeStart(study, study.method as MomaMethod, queue, noiseBatch(sizeOf(study))),
    )
  }
  let loss = Number.NaN
  const onProgress = (progress: { loss: number }): void => {
    loss = progress.loss
  }
  const round = trainer.trainRound({ round: 1, student, onProgress })
  return {
    async step() {
      // A round that fails never asks for its next batch.
      await Promise.race([tiles.release(), round])
      return loss
    },
    waitedSeconds: () => tiles.waitedSeconds(),
  }
}

interface StepThrough {
  /** Does one step. @returns Its loss. */
  step(): Promise<number>
  /** Waits for data since the round began. */
  waitedSeconds(): number
}

function sizeOf({ tile, training }: Study): Size {
  return { batch: training.batchSize, sidePx: tile.sizePx }
}

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'wasm' },
    size: { type: 'string', default: '16x128' },
    'no-masking': { type: 'boolean', default: false },
    'save-start': { type: 'string' },
    data: { type: 'string' },
    classes: { type: 'string' },
    augment: { type: 'string', default: 'none' },
  },
})
const [size] = parseSizes(values.size) as [Size]
const versions = await startNamedEngine(values.engine as EngineName)
const study = benchStudy(size, {
  masking: !values['no-masking'],
  augment: values.augment,
  classes: values.classes?.split(','),
})
const { data: dir } = values
const source =
  dir === undefined
    ? sameBatch(noiseBatch(size), size.sidePx, study.classes.length)
    : await openTiles({ dir, classes: study.classes, sizePx: size.sidePx, memoryBudgetBytes: 0 })
const round = await startRound(study, source, values['save-start'])
await serve(versions, async (count) => {
  const before = round.waitedSeconds()
  const taken = await timeSteps(count, () => round.step())
  return dir === undefined ? taken : { ...taken, waitedSeconds: round.waitedSeconds() - before }
})
// The round still waits at its gate.
process.exit()
