/** @file Contender: the production evaluation, forward only, whose tiles come through a gate that the referee opens. */
import { parseArgs } from 'node:util'
import { evaluate } from '@tessera/site-agent/distill'
import { serve } from '../contest/serve.ts'
import { parseSizes, type Size } from '../sizes.ts'
import { benchStudy, benchWeights, noiseBatch } from './bench-study.ts'
import { gatedTiles, sameBatch } from './gated-tiles.ts'
import { type EngineName, startNamedEngine } from './start-named-engine.ts'
import { timeSteps } from './time-steps.ts'

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'wasm' },
    size: { type: 'string', default: '16x128' },
  },
})
const [size] = parseSizes(values.size) as [Size]
const versions = await startNamedEngine(values.engine as EngineName)
const study = benchStudy(size, { masking: false })
const tiles = gatedTiles(sameBatch(noiseBatch(size), size.sidePx, study.classes.length))
const ended = evaluate({
  architecture: study.student,
  classes: study.classes.length,
  weights: benchWeights(study).student,
  tiles: tiles.source,
  batchSize: size.batch,
})
await serve(versions, (count) =>
  timeSteps(count, async () => {
    // An evaluation that fails never asks for its next batch.
    await Promise.race([tiles.release(), ended])
  }),
)
// The evaluation still waits at its gate.
process.exit()
