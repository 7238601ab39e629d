/**
 * @file Contender: the production training step, inside one long round of the production trainer.
 *
 * The round's tiles come through a gate that opens when the referee says so. What is timed is all that a site pays for a step: the batch into
 * the engine, the step, the loss out.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { MomaMethod } from '@tessera/shared/protocol'
import { createTrainer } from '@tessera/site-agent/distill'
import { serve } from '../contest/serve.ts'
import { parseSizes, type Size } from '../sizes.ts'
import { benchStudy, benchWeights, noiseBatch } from './bench-study.ts'
import { gatedTiles } from './gated-tiles.ts'
import { encodeStart } from './start-file.ts'
import { type EngineName, startNamedEngine } from './start-named-engine.ts'
import { timeSteps } from './time-steps.ts'

/** Starts a round that waits at its gate. The seam to the trainer: a change of its interface ends here. */
async function startRound(
  size: Size,
  masking: boolean,
  startFile: string | undefined,
): Promise<() => Promise<number>> {
  const study = benchStudy(size, masking)
  const { student, teacher } = benchWeights(study)
  const batch = noiseBatch(size)
  const tiles = gatedTiles(batch, size.sidePx, study.classes.length)
  const trainer = createTrainer({ study, teacher, tiles: tiles.source, site: 'bench' })
  if (startFile !== undefined) {
    const queue = trainer.state().tensors.get('queue') ?? new Float32Array()
    await writeFile(startFile, encodeStart(study, study.method as MomaMethod, queue, batch))
  }
  let loss = Number.NaN
  const onProgress = (progress: { loss: number }): void => {
    loss = progress.loss
  }
  const round = trainer.trainRound({ round: 1, student, onProgress })
  return async () => {
    // A round that fails never asks for its next batch.
    await Promise.race([tiles.release(), round])
    return loss
  }
}

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'wasm' },
    size: { type: 'string', default: '16x128' },
    'no-masking': { type: 'boolean', default: false },
    'save-start': { type: 'string' },
  },
})
const [size] = parseSizes(values.size) as [Size]
const versions = await startNamedEngine(values.engine as EngineName)
const step = await startRound(size, !values['no-masking'], values['save-start'])
await serve(versions, (count) => timeSteps(count, step))
// The round still waits at its gate.
process.exit()
