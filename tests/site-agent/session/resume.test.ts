import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { computeDelta, decodeDelta, deltaBytes } from '@tessera/shared/delta'
import { backboneLayout, encodeSafetensors, initialWeights } from '@tessera/shared/model'
import { study as studySchema } from '@tessera/shared/protocol'
import { readUnverified, sha256Hex } from '@tessera/shared/security'
import { chunkOf } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import { TINY_LAYOUT, TINY_STUDENT, TINY_STUDY } from '../../support/mini-coordinator.ts'
import { committed, delivered, record, run, setup, states } from './running-agent.ts'

describe('an agent that was cut off, or stopped,', () => {
  test('looks for what is wrong of a model with a wrong hash, declines the round, and does the next', async () => {
    const { mini, site, training } = await setup()
    const [honest = new Uint8Array()] = mini.models.values()
    mini.models.set(
      mini.base,
      honest.map((byte, i) => (i === 1000 ? byte ^ 1 : byte)),
    )
    const agent = run(site, training)
    await mini.offer()
    expect(await mini.heard('round:decline')).toEqual({ study: 'tiny', round: 1, code: 'ERR_MODEL_HASH' })
    expect(mini.said.filter(({ event }) => event === 'model:open')).toHaveLength(1)
    expect(mini.said.filter(({ event }) => event === 'model:chunk')).toHaveLength(2)
    mini.models.set(mini.base, honest)
    await mini.offer({ round: 2 })
    await delivered(agent, 1)
    expect(training.rounds).toEqual([2])
  })

  test('goes on with a download and an upload where a cut ended them', async () => {
    const { mini, site } = await setup()
    const agent = run(site)
    let cuts = 0
    mini.answers['model:chunk'] = async ({ sha256, index }) => {
      // The second chunk is cut off once the first is there.
      if (index > 0 && cuts++ === 0) {
        await expect.poll(() => agent.events.map(({ kind }) => kind)).toContain('fetching')
        mini.cut()
      }
      return { chunk: chunkOf(mini.models.get(sha256) ?? new Uint8Array(), index) }
    }
    await mini.offer()
    await committed(mini)
    await delivered(agent, 1)
    const fetched = mini.said.flatMap(({ event, request }) =>
      event === 'model:chunk' ? [(request as { index: number }).index] : [],
    )
    expect(fetched).toEqual([0, 1, 1])

    let chunks = 0
    mini.answers['upload:commit'] = () => {
      if (chunks++ === 0) mini.cut()
      delete mini.answers['upload:commit']
      return { receipt: 'never arrives' }
    }
    await mini.offer({ round: 2 })
    await delivered(agent, 2)
    // Both chunks once: after the cut only the commit was said again.
    expect(mini.said.filter(({ event }) => event === 'upload:chunk')).toHaveLength(4)
    expect(mini.said.filter(({ event }) => event === 'upload:commit')).toHaveLength(3)
    expect(agent.log.filter(({ event }) => event === 'coordinator.waiting')).toHaveLength(2)
  })

  /** An agent that is stopped when round 2 is trained and uploaded, and its receipt has not come. */
  async function stoppedBeforeReceipt() {
    const given = await setup()
    const { mini, site, training } = given
    const first = run(site, training)
    await mini.offer()
    await delivered(first, 1)
    await mini.publish({ round: 1 })
    mini.answers['upload:commit'] = () => new Promise(() => undefined)
    await mini.offer({ round: 2 })
    await committed(mini, 2)
    first.stop()
    await expect(first.outcome).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    expect((await states(site)).toSorted()).toEqual(['after-1.state', 'held-2.state'])
    delete mini.answers['upload:commit']
    return given
  }

  test('delivers what it has trained when it is stopped before the receipt and starts again', async () => {
    const { mini, site, training } = await stoppedBeforeReceipt()
    const second = run(site, training)
    await mini.offer({ round: 2 })
    await delivered(second, 1)
    expect(training.rounds).toEqual([1, 2])
    expect(mini.updates.at(-1)?.manifest).toMatchObject({ round: 2, samples: 12, metrics: { correct: 6 } })
    const delta = decodeDelta(TINY_LAYOUT, mini.updates.at(-1)?.bytes ?? new Uint8Array())
    expect(delta.get('classifier.1.bias')?.[0]).toBeCloseTo(0.002, 6)
    // It goes on from the state of the round it did not train in this life.
    await mini.offer({ round: 3 })
    await delivered(second, 2)
    const next = decodeDelta(TINY_LAYOUT, mini.updates.at(-1)?.bytes ?? new Uint8Array())
    expect(next.get('classifier.1.bias')?.[0]).toBeCloseTo(0.003, 6)
    expect(training.rounds).toEqual([1, 2, 3])
    expect((await readdir(join(site.dir, 'state', 'tiny'))).filter((name) => /delta/.test(name))).toEqual([])
  })

  test.each(['is fetched at the next join', 'came in a life that ended early'])(
    'goes on from the state of a round that counted without its receipt: its record %s',
    async (way) => {
      const { mini, site, training } = await stoppedBeforeReceipt()
      const { manifest: token } = await mini.heard('upload:open', 2)
      const { payload, samples } = readUnverified('manifest', token)
      const own = {
        site: 'north',
        samples,
        payload,
        manifest: sha256Hex(token),
        staleness: 0,
        norm: 1,
        scale: 1,
      }
      const previous = sha256Hex(await record(site, 1))
      const counted = await mini.record({ round: 2, previous, contributors: [own] })
      mini.records.set(2, counted)
      mini.welcome = { changes: { round: 2, record: sha256Hex(counted) } }
      if (way !== 'is fetched at the next join') {
        await writeFile(join(site.dir, 'state', 'tiny', 'ledger', 'round-2.jws'), counted)
      }
      const second = run(site, training)
      await mini.offer({ round: 3 })
      await delivered(second, 1)
      const delta = decodeDelta(TINY_LAYOUT, mini.updates.at(-1)?.bytes ?? new Uint8Array())
      expect(delta.get('classifier.1.bias')?.[0]).toBeCloseTo(0.003, 6)
      expect((await states(site)).toSorted()).toEqual(['after-2.state', 'after-3.state'])
      expect(second.log.map(({ event }) => event)).not.toContain('record.disputed')
    },
  )

  test('fetches the teacher once, whatever rounds and lives follow', async () => {
    const { mini, site, training } = await setup()
    const backbone = { name: 'efficientnet-b0', widthMultiplier: 0.1, depthMultiplier: 0.1 } as const
    const layout = backboneLayout(backbone, 2)
    const teacher = encodeSafetensors(layout, initialWeights(layout, 'a teacher'))
    const sha256 = sha256Hex(teacher)
    mini.models.set(sha256, teacher)
    const study = studySchema.parse({
      ...TINY_STUDY,
      teacher: { ...backbone, sha256, task: 'same', classes: 2 },
    })
    mini.welcome = { changes: {}, plan: { study } }
    for (const rounds of [[1, 2], [3]]) {
      const agent = run(site, training)
      for (const [i, round] of rounds.entries()) {
        await mini.offer({ round })
        await delivered(agent, i + 1)
      }
      agent.stop()
      await agent.outcome.catch(() => undefined)
    }
    expect(training.rounds).toEqual([1, 2, 3])
    const first = mini.said.flatMap(({ event, request }) => {
      const { sha256, index } = request as { sha256: string; index: number }
      return event === 'model:chunk' && index === 0 ? [sha256] : []
    })
    expect(first).toEqual([mini.base, sha256])
  })

  test('gives the same bits when its delta is lost and the round is trained again', async () => {
    const { mini, site, training } = await stoppedBeforeReceipt()
    const [held] = (await mini.heard('upload:open', 2)).manifest.split('.').slice(1)
    const { payload } = JSON.parse(Buffer.from(held ?? '', 'base64url').toString())
    await rm(join(site.dir, 'state', 'tiny', 'held-2.delta'))
    const second = run(site, training)
    await mini.offer({ round: 2 })
    await delivered(second, 1)
    // 0.001 · 2 on top of the base, not 0.001 · 3: it started from the state after round 1.
    expect(mini.updates.at(-1)?.manifest.payload).toBe(payload)
    expect(training.rounds).toEqual([1, 2, 2])
    expect((await states(site)).toSorted()).toEqual(['after-1.state', 'after-2.state'])
  })

  test.each(['kept', 'lost'])(
    'pays in the next round what int8 has lost, over a restart with the held delta %s, and rounds to the same bytes',
    async (fate) => {
      const { mini, site, training } = await setup()
      const federation = { ...TINY_STUDY.federation, encoding: 'int8' } as const
      mini.welcome = { changes: {}, plan: { study: { ...TINY_STUDY, federation } } }
      const step = (x: number, i: number): number => x + 1e-3 * Math.sin(i)
      const log = {
        ...training,
        result: () => new Map([...TINY_STUDENT].map(([name, values]) => [name, values.map(step)])),
      }
      const first = run(site, log)
      await mini.offer()
      await delivered(first, 1)
      await mini.publish({ round: 1 })
      mini.answers['upload:commit'] = () => new Promise(() => undefined)
      await mini.offer({ round: 2 })
      await committed(mini, 2)
      first.stop()
      await first.outcome.catch(() => undefined)
      if (fate === 'lost') await rm(join(site.dir, 'state', 'tiny', 'held-2.delta'))

      delete mini.answers['upload:commit']
      const second = run(site, log)
      await mini.offer({ round: 2 })
      await delivered(second, 1)
      expect(log.rounds).toEqual(fate === 'lost' ? [1, 2, 2] : [1, 2])
      const payloads = mini.said.flatMap(({ event, request }) =>
        event === 'upload:open'
          ? [readUnverified('manifest', (request as { manifest: string }).manifest).payload]
          : [],
      )
      expect(payloads).toHaveLength(3)
      expect(payloads[2]).toBe(payloads[1])

      const [one, two] = mini.updates.map(({ manifest, bytes }) => {
        expect(manifest).toMatchObject({ encoding: 'int8', bytes: deltaBytes(TINY_LAYOUT, 'int8') })
        return decodeDelta(TINY_LAYOUT, bytes, 'int8')
      })
      const name = 'classifier.1.weight'
      const want = computeDelta(TINY_LAYOUT, log.result(), TINY_STUDENT).get(name) ?? []
      const worst = (of: (i: number) => number): number =>
        Math.max(...Array.from(want, (_, i) => Math.abs(of(i))))
      const stepSize = 1e-3 / 127
      // Once off by up to a step; after two rounds still by no more, and not by the same again.
      expect(worst((i) => (one?.get(name)?.[i] ?? 0) - (want[i] ?? 0))).toBeLessThanOrEqual(1.01 * stepSize)
      const sum = (i: number): number => (one?.get(name)?.[i] ?? 0) + (two?.get(name)?.[i] ?? 0)
      // A step of the second block, whose largest value has the first one's residual on top.
      expect(worst((i) => sum(i) - 2 * (want[i] ?? 0))).toBeLessThanOrEqual(1.02 * stepSize)
    },
  )

  test('trains anew what it holds a delta of another base for', async () => {
    const { mini, site, training } = await stoppedBeforeReceipt()
    const student = encodeSafetensors(
      TINY_LAYOUT,
      new Map([...TINY_STUDENT].map(([n, v]) => [n, v.map((x) => x / 2)])),
    )
    const base = sha256Hex(student)
    mini.models.set(base, student)
    // It has missed the record of round 1: else it would know that this is not what was published.
    await rm(join(site.dir, 'state', 'tiny', 'ledger'), { recursive: true })
    const second = run(site, training)
    await mini.offer({ round: 2, base, baseBytes: student.byteLength })
    await delivered(second, 1)
    expect(training.rounds).toEqual([1, 2, 2])
    expect(mini.updates.at(-1)?.manifest.base).toBe(base)
  })

  test('trains a round again from the state before it when another attempt is offered after a restart', async () => {
    const { mini, site, training } = await setup()
    const first = run(site, training)
    await mini.offer()
    await delivered(first, 1)
    first.stop()
    await first.outcome.catch(() => undefined)
    const second = run(site, training)
    await mini.offer({ attempt: 2 })
    await delivered(second, 1)
    expect(mini.updates.map(({ manifest }) => manifest.attempt)).toEqual([1, 2])
    expect(mini.updates[0]?.bytes).toEqual(mini.updates[1]?.bytes)
  })
})
