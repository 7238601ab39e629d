import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type StudyInput, study as studySchema } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { GRADES } from '@tessera/simulations'
import type { AgentEvent, TrainerFactory } from '@tessera/site-agent'
import { describe, expect, test } from 'vitest'
import type { Fault } from '../../../simulations/experiment/faults.ts'
import { federate } from '../../../simulations/in-process/federate.ts'
import { verifyAudit } from '../../../site-agent/uplink/audit.ts'
import { drawTiles } from '../../support/federation.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const SITES = ['north', 'south', 'west']
const STUDY: StudyInput = {
  id: 'cell',
  seed: 'in-process',
  classes: [...GRADES],
  tile: { sizePx: 32 },
  student: { name: 'resnet-18', widthMultiplier: 0.05, depthMultiplier: 0.1 },
  method: { name: 'ce' },
  training: { rounds: 2, batchSize: 4, learningRate: 0.05 },
  federation: { minSites: 3, quorum: 3, maxNorm: 1000 },
}

interface Ran {
  readonly student: string
  readonly stepSeconds: number
  readonly events: readonly (readonly [string, AgentEvent])[]
  readonly root: string
}

async function run(
  tiles: string,
  options: {
    transport?: 'memory' | 'sockets'
    faults?: readonly Fault[]
    createTrainer?: TrainerFactory
    study?: StudyInput
  } = {},
): Promise<Ran> {
  const { transport = 'memory', faults = [], study = STUDY, createTrainer } = options
  const root = await temporaryFolder()
  const events: [string, AgentEvent][] = []
  const { student: file, stepSeconds } = await federate({
    root,
    study: studySchema.parse(study),
    sites: SITES.map((name) => ({ name, dataDir: join(tiles, name) })),
    transport,
    teacher: null,
    faults,
    ...(createTrainer && { createTrainer }),
    onEvent: (site, event) => void events.push([site, event]),
  })
  return { student: sha256Hex(await readFile(file)), stepSeconds, events, root }
}

async function tilesOfSites(): Promise<string> {
  const dir = await temporaryFolder()
  for (const site of SITES) await drawTiles(join(dir, site), site, 2)
  return dir
}

const kinds = ({ events }: Ran, kind: AgentEvent['kind']): number =>
  events.filter(([, event]) => event.kind === kind).length

describe('federate()', () => {
  test('gives the same bits in memory, over sockets, and whatever goes wrong on the lines', async () => {
    const tiles = await tilesOfSites()
    const calm = await run(tiles)
    expect([kinds(calm, 'delivered'), kinds(calm, 'joined')]).toEqual([6, 3])
    expect(calm.stepSeconds).toBeGreaterThan(0)
    const sockets = await run(tiles, { transport: 'sockets' })
    expect(sockets.student).toBe(calm.student)
    const faults: Fault[] = [
      { do: 'drop', sites: [0], rounds: [1] },
      { do: 'corrupt', sites: [1], rounds: [1] },
      { do: 'kill', sites: [2], rounds: [2] },
      { do: 'delay', ms: 5, sites: [0, 1], rounds: [2] },
    ]
    const faulty = await run(tiles, { faults })
    expect(faulty.student).toBe(calm.student)
    // The cut line and the killed agent have joined once more.
    expect(kinds(faulty, 'joined')).toBe(5)
    // What left each site stands in its own log, whole, the damaged upload's second opening too.
    const opened = async (ran: Ran, site: string): Promise<number> => {
      let count = 0
      await verifyAudit(join(ran.root, 'sites', site, 'audit.jsonl'), ({ kind }) => {
        if (kind === 'upload:open') count++
      })
      return count
    }
    expect([await opened(calm, 'south'), await opened(faulty, 'south')]).toEqual([2, 3])
  })

  test('a site that lies is believed, for what it sends is well signed', async () => {
    const tiles = await tilesOfSites()
    const faults: Fault[] = [{ do: 'byzantine', how: 'scale', times: -1, sites: [0], rounds: [1, 2] }]
    const honest = await run(tiles)
    const lied = await run(tiles, { faults })
    expect(lied.student).not.toBe(honest.student)
    expect(kinds(lied, 'delivered')).toBe(6)
  })

  test('lets no two sites train at the same time', async () => {
    const tiles = await tilesOfSites()
    let [training, most] = [0, 0]
    const createTrainer: TrainerFactory = () => ({
      async trainRound({ student }) {
        training++
        most = Math.max(most, training)
        await new Promise((resolve) => setImmediate(resolve))
        training--
        return {
          student,
          samples: 8,
          metrics: { loss: 1, ce: 1, kl: null, nce: null, correct: 4, seen: 8, skippedTiles: 0 },
        }
      },
      state: async () =>
        ({ version: 1, study: 'cell', site: '', tensors: new Map(), counters: new Map() }) as never,
      dispose: () => undefined,
    })
    const ran = await run(tiles, { createTrainer })
    expect([most, kinds(ran, 'delivered')]).toEqual([1, 6])
  })

  test('fails with what ends an agent', async () => {
    const tiles = await tilesOfSites()
    const createTrainer: TrainerFactory = () => {
      throw new Error('no engine')
    }
    await expect(run(tiles, { createTrainer })).rejects.toThrowError('no engine')
  })
})
