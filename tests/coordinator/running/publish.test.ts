import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { evolve, initialRounds, type RoundEvent } from '@tessera/coordinator/rounds'
import { openStore } from '@tessera/coordinator/store'
import { findStudy } from '@tessera/coordinator/studies'
import { decodeDelta, encodeDelta } from '@tessera/shared/delta'
import { decodeModel, studentLayout } from '@tessera/shared/model'
import { createRandom } from '@tessera/shared/random'
import { readUnverified, sha256Hex } from '@tessera/shared/security'
import { listChunks } from '@tessera/shared/transfer'
import { describe, expect, onTestFinished, test } from 'vitest'
import { loadCoordinator } from '../../../coordinator/config.ts'
import { publishRound } from '../../../coordinator/running/publish.ts'
import { federation, wholeRound } from '../federation.ts'
import { ask, codeOf, deltaOf, TINY_LAYOUT } from '../raw-site.ts'

describe('publishRound()', () => {
  test.each(['fedavg', 'fedyogi'] as const)(
    'done again after a crash gives the same student, state and record: %s',
    async (name) => {
      const { coordinator, dir, north, south } = await federation({ strategy: { name }, encoding: 'f32' })
      await wholeRound([north, south], [0.01, 0.02])
      const first = await north.published()
      await wholeRound([north, south], [0.03, -0.02])
      const second = await north.published()
      await coordinator.ended
      await coordinator.close()
      expect([first.serverState.length, second.serverState.length]).toEqual(
        name === 'fedavg' ? [0, 0] : [2, 2],
      )
      expect(second.serverState).toEqual(
        name === 'fedavg' ? [] : expect.not.arrayContaining(first.serverState),
      )

      const store = await openStore(dir)
      onTestFinished(() => store.close())
      const created = findStudy(store.events, 'tiny')
      const rounds = store.events.filter((event): event is RoundEvent => /^(round|update)\./.test(event.type))
      expect(rounds.at(-1)?.type).toBe('round.published')
      // What the log held when the machine stopped in the middle of publishing round 2.
      const before = rounds.slice(0, -1).reduce(evolve, initialRounds(created.study, created.student))
      const { key } = await loadCoordinator(dir)
      const { study } = created
      const again = await publishRound(
        { study, layout: studentLayout(study), plan: second.plan },
        before,
        store,
        key,
      )
      expect(readUnverified('published', again.record)).toEqual(second)
      expect(again.student).toBe(second.student)
      expect(rounds.at(-1)).toMatchObject({ record: again.record, recordSha256: sha256Hex(again.record) })
    },
  )

  test.each(['bf16', 'int8'] as const)('aggregates deltas in %s, and takes no others', async (encoding) => {
    const { dir, north, south } = await federation({ encoding })
    const random = createRandom('rounding')
    const deltas = [0.01, 0.03].map((scale, site) => {
      const delta = decodeDelta(TINY_LAYOUT, deltaOf(0))
      for (const [name, values] of delta) {
        const stream = random.fork(`${site}/${name}`)
        for (const i of values.keys()) values[i] = scale * stream.float()
      }
      return encodeDelta(TINY_LAYOUT, delta, { encoding, random })
    })
    const [ours = new Uint8Array(), theirs = new Uint8Array()] = deltas
    const offer = await north.offer()
    const announce = async (bytes: Uint8Array, changes: object) =>
      ask(north.socket, 'upload:open', {
        manifest: await north.manifest(offer, bytes, changes),
        chunks: listChunks(bytes).digests,
      })
    expect(await codeOf(announce(ours, {}))).toBe('ERR_UPDATE_ENCODING')
    expect(await codeOf(announce(deltaOf(0), { encoding }))).toBe('ERR_UPDATE_SIZE')
    await north.deliver(await north.manifest(offer, ours, { encoding, samples: 3 }), ours)
    await south.deliver(await south.manifest(await south.offer(), theirs, { encoding, samples: 1 }), theirs)
    const record = await north.published()
    expect(record.encoding).toBe(encoding)

    const model = async (sha256: string) =>
      decodeModel(await readFile(join(dir, 'models', `${sha256}.safetensors`)), TINY_LAYOUT)
    const [base, student] = [await model(record.base), await model(record.student)]
    const [one, two] = deltas.map((bytes) => decodeDelta(TINY_LAYOUT, bytes, encoding))
    for (const [name, values] of student) {
      const want = base.get(name)?.map((x, i) => {
        const mean = (3 * (one?.get(name)?.[i] ?? 0) + (two?.get(name)?.[i] ?? 0)) / 4
        return x + Math.fround(mean)
      })
      expect(values, name).toEqual(want)
    }
  })

  test('names norms, factors, encoding and settings in the record', async () => {
    const { north, south } = await federation({
      strategy: { name: 'fedavgm', learningRate: 1 },
      guards: { adaptiveNorm: { factor: 1, rounds: 0 } },
    })
    await wholeRound([north, south], [0.01, 0.03])
    const record = await north.published()
    expect(record).toMatchObject({
      strategy: 'fedavgm learningRate=1 momentum=0.9 nesterov=true',
      encoding: 'f32',
    })
    const [short, long] = record.contributors
    expect(long?.norm).toBeCloseTo(3 * (short?.norm ?? 0), 4)
    // The median of two is their mean, 2: the longer, 3, is scaled down to it.
    expect([short?.scale, long?.scale]).toEqual([1, expect.closeTo(2 / 3, 6)])
  })
})
