import { createHash } from 'node:crypto'
import type { RoundEvent } from '@tessera/coordinator/rounds'
import type { Published } from '@tessera/shared/protocol'
import { generateKeyPair, signPayload } from '@tessera/shared/security'
import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { createRetention } from '../../../coordinator/ledger/retention.ts'
import { HASH } from '../../support/signed-parts.ts'

const sha = (text: string): string => createHash('sha256').update(text).digest('hex')
let privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey']
beforeAll(async () => {
  privateKey = (await generateKeyPair()).privateKey
})

const RECORD: Omit<Published, 'study' | 'round' | 'serverState'> = {
  plan: HASH('a'),
  attempt: 1,
  base: HASH('b'),
  student: HASH('1'),
  strategy: 'fedavg',
  encoding: 'f32',
  previous: '',
  contributors: [],
  offered: [],
  absent: [],
  final: false,
  closedAtMs: 1,
}
const accepted = (study: string, round: number, payload: string): RoundEvent => ({
  type: 'update.accepted',
  study,
  round,
  attempt: 1,
  site: 'north',
  samples: 1,
  loss: 1,
  payload,
  bytes: 4,
  norm: 1,
  manifest: 'token',
  manifestSha256: HASH('4'),
  receivedAtMs: 1,
})
const published = async (study: string, round: number, serverState: string[] = []): Promise<RoundEvent> => ({
  type: 'round.published',
  study,
  round,
  attempt: 1,
  student: HASH('1'),
  record: await signPayload('published', { ...RECORD, study, round, serverState }, privateKey),
  recordSha256: HASH('2'),
})

describe('createRetention()', () => {
  test('lets go of the deltas up to a round, and of the states before it', async () => {
    const retention = createRetention()
    for (const round of [1, 2, 3]) {
      retention.note(accepted('colon', round, sha(`delta ${round}`)))
      retention.note(await published('colon', round, [sha(`state ${round}`)]))
    }
    retention.note(accepted('colon', 4, sha('delta 4')))
    expect(retention.published('colon')).toBe(3)
    expect(retention.release('colon', 2)).toEqual({
      updates: [sha('delta 1'), sha('delta 2')],
      states: [sha('state 1')],
    })
    expect(retention.release('colon', 2)).toEqual({ updates: [], states: [] })
    expect(retention.release('colon', 3)).toEqual({ updates: [sha('delta 3')], states: [sha('state 2')] })
  })

  test('a file that an open round, or another study, has too goes with the last that wants it', async () => {
    const retention = createRetention()
    for (const study of ['colon', 'colon-2']) {
      retention.note(accepted(study, 1, sha('delta')))
      retention.note(await published(study, 1))
    }
    retention.note(accepted('colon', 2, sha('delta')))
    expect(retention.release('colon', 1).updates).toEqual([])
    expect(retention.release('colon-2', 1).updates).toEqual([])
    retention.note(await published('colon', 2))
    expect(retention.release('colon', 2).updates).toEqual([sha('delta')])
  })

  test('whatever is let go of in whatever order, nothing that is wanted goes, and in the end all has gone once', async () => {
    const records = new Map<string, RoundEvent>()
    for (const study of ['a', 'b'])
      for (let round = 1; round <= 6; round++) records.set(`${study}${round}`, await published(study, round))
    const file = fc.constantFrom(...['w', 'x', 'y', 'z'].map(sha))
    const step = fc.record({
      study: fc.constantFrom('a', 'b'),
      files: fc.array(file, { maxLength: 3 }),
      keep: fc.nat(3),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const retention = createRetention()
        const wanted: { study: string; round: number; file: string }[] = []
        const rounds = new Map([['a', 0], ['b', 0]]) // biome-ignore format: one line
        const letGo = (study: string, through: number): void => {
          const gone = retention.release(study, through).updates
          const left = wanted.filter((one) => one.study !== study || one.round > through)
          const before = new Set(wanted.map((one) => one.file))
          wanted.splice(0, wanted.length, ...left)
          const after = new Set(left.map((one) => one.file))
          expect(gone.toSorted()).toEqual([...before].filter((one) => !after.has(one)).toSorted())
        }
        for (const { study, files, keep } of steps) {
          const round = (rounds.get(study) ?? 0) + 1
          const record = records.get(`${study}${round}`)
          if (record === undefined) continue
          for (const file of files) {
            retention.note(accepted(study, round, file))
            wanted.push({ study, round, file })
          }
          retention.note(record)
          rounds.set(study, round)
          letGo(study, round - keep)
        }
        for (const [study, round] of rounds) letGo(study, round)
        expect(wanted).toEqual([])
      }),
    )
  })
})
