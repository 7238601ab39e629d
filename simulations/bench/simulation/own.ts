/** @file Process: a simulation of ours, production's code in memory, whose sites train nothing. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { growHeapFreely } from '@tessera/shared/heap'
import { elementCount, studentLayout } from '@tessera/shared/model'
import { federate } from '../../in-process/federate.ts'
import { createHold, noOpTrainer } from '../federation/no-op-trainer.ts'
import { drawTiles } from '../federation/run.ts'
import { type SimulatedModel, simulationStudy } from './cases.ts'
import type { Measured } from './measured.ts'

// As the program does.
growHeapFreely()
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: '10k' },
    sites: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '2' },
    dir: { type: 'string', default: '' },
  },
})
const [sites, rounds] = [Number(values.sites), Number(values.rounds)]
const study = simulationStudy(values.model as SimulatedModel, sites, rounds)
const data = join(values.dir, 'tiles')
await drawTiles(data, study.classes)
const names = Array.from({ length: sites }, (_, i) => `site-${i}`)
const hold = createHold()
hold.release(rounds)
const ends: number[] = []
let [computedAtFirst, computedAtLast] = [0, 0]
const computed = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
await federate({
  root: join(values.dir, 'federation'),
  study,
  sites: names.map((name) => ({ name, dataDir: data })),
  transport: 'memory',
  teacher: null,
  faults: [],
  createTrainer: (options) => noOpTrainer(hold, names.indexOf(options.site), () => undefined)(options),
  onEvent(_, event) {
    // Seconds since the process began.
    if (event.kind !== 'published' || ends[event.round - 1] !== undefined) return
    ends[event.round - 1] = process.uptime()
    computedAtLast = computed()
    if (event.round === 1) computedAtFirst = computedAtLast
  },
})
const numbers = studentLayout(study).tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0)
const result: Measured = {
  firstRoundSeconds: ends[0] ?? 0,
  roundSeconds: ends.slice(1).map((end, i) => end - (ends[i] ?? 0)),
  processorSeconds: computedAtLast - computedAtFirst,
  peakBytes: peakBytes(),
  version: `node ${process.version}, ${numbers} numbers`,
}
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit())

/** VmHWM: what the process has held at most. */
function peakBytes(): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024
  } catch {
    return process.memoryUsage().rss
  }
}
