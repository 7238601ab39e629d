/** @file Contender: the site's own source of tiles. One step is one epoch: every tile decoded, resized, augmented and normalised into batches. */
import { parseArgs } from 'node:util'
import { TesseraError } from '@tessera/shared/errors'
import { createRandom } from '@tessera/shared/random'
import { openTiles } from '@tessera/site-agent/data'
import { serve } from '../contest/serve.ts'
import { benchStudy } from './bench-study.ts'
import { timeSteps } from './time-steps.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: '.' },
    classes: { type: 'string', default: '' },
    tile: { type: 'string', default: '224' },
    batch: { type: 'string', default: '64' },
    augment: { type: 'string', default: 'flips' },
    // Keeps decoded tiles between epochs, which torchvision does not.
    'keep-decoded': { type: 'boolean', default: false },
  },
})
const { classes, tile, training } = benchStudy(
  { batch: Number(values.batch), sidePx: Number(values.tile) },
  { masking: false, augment: values.augment, classes: values.classes.split(',') },
)
const tiles = await openTiles({
  dir: values.data,
  classes,
  sizePx: tile.sizePx,
  ...(values['keep-decoded'] ? {} : { memoryBudgetBytes: 0 }),
})
const random = createRandom('bench-tiles')
let epoch = 0
await serve({ node: process.version }, (count) =>
  timeSteps(count, async () => {
    let seen = 0
    const batches = tiles.batches({
      random: random.fork(`epoch-${epoch++}`),
      batchSize: training.batchSize,
      augment: training.augment,
    })
    for await (const { size } of batches) seen += size
    if (seen !== tiles.count) {
      throw new TesseraError('ERR_INTERNAL', `internal: an epoch must give ${tiles.count} tiles, got ${seen}`)
    }
  }),
)
process.exit()
