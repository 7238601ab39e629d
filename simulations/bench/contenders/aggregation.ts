/** @file Contender: the coordinator's own combination of stored deltas. One step is one round: all files read, in the system's cache, all blocks combined. */
import { closeSync, openSync, rmSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createAggregator } from '@tessera/coordinator/aggregation'
import { combineUpdates } from '@tessera/coordinator/reducing'
import { deltaBytes, encodeDelta } from '@tessera/shared/delta'
import { TesseraError } from '@tessera/shared/errors'
import { encoding as encodingSchema, type Strategy } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { serve } from '../contest/serve.ts'
import { timeSteps } from './time-steps.ts'

/** As EfficientNet-B0's layout. */
const TENSORS = 213

const { values } = parseArgs({
  options: {
    updates: { type: 'string', default: '10' },
    floats: { type: 'string', default: '5300000' },
    encoding: { type: 'string', default: 'f32' },
    rule: { type: 'string', default: 'mean' },
  },
})
const threads = Number(process.env['TESSERA_THREADS'] ?? 1)
const updates = Number(values.updates)
const encoding = encodingSchema.parse(values.encoding)
const strategy: Strategy = { name: values.rule === 'median' ? 'median' : 'fedavg' }
const size = Math.floor(Number(values.floats) / TENSORS)
const layout = {
  architecture: 'bench',
  tensors: Array.from({ length: TENSORS }, (_, i) => ({
    name: `tensor-${i}`,
    shape: [i === 0 ? Number(values.floats) - size * (TENSORS - 1) : size],
    kind: 'trainable' as const,
  })),
}

const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-deltas-'))
const descriptors: number[] = []
try {
  for (let i = 0; i < updates; i++) {
    const random = createRandom(`delta-${i}`)
    const delta = new Map(
      layout.tensors.map(({ name, shape: [count = 0] }) => [
        name,
        Float32Array.from({ length: count }, () => random.uniform(-0.01, 0.01)),
      ]),
    )
    const file = join(folder, `${i}`)
    await writeFile(file, encodeDelta(layout, delta, { encoding, random }))
    descriptors.push(openSync(file, 'r'))
  }
} finally {
  // Open files outlive their names: nothing is left behind, however this process ends.
  rmSync(folder, { recursive: true, force: true })
}
const reduction = {
  combination: createAggregator(strategy).combine(updates),
  weights: descriptors.map((_, i) => i + 1),
  scales: descriptors.map(() => 1),
}
await serve({ node: process.version, encoding, bytes: String(deltaBytes(layout, encoding)) }, (count) =>
  timeSteps(count, async () => {
    let elements = 0
    for await (const { values: some } of combineUpdates({
      layout,
      encoding,
      reduction,
      descriptors,
      threads,
    }))
      elements += some.length
    if (elements !== Number(values.floats)) {
      throw new TesseraError(
        'ERR_INTERNAL',
        `internal: a round must give ${values.floats} values, got ${elements}`,
      )
    }
  }),
)
for (const descriptor of descriptors) closeSync(descriptor)
process.exit()
