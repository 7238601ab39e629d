import { describe, expect, test } from 'vitest'
import { clipDelta } from '../../../site-agent/policy/index.ts'
import { aManifest, HASH } from '../../support/signed-parts.ts'
import { bytes, chunks, delta, event, gateWithAudit, layout, openGate, sign, study } from './open-gate.ts'

describe('the policy at the gate', () => {
  const metrics = aManifest().metrics
  const progress = (loss: number | null) =>
    event('round:progress', { study: 'tiny', round: 1, step: 1, steps: 2, loss, secondsLeft: null })
  const code = (code: string) => expect.objectContaining({ code })

  test('marks each line of a study with study and round, for the sums', async () => {
    const { gate, entries } = await openGate()
    gate.pass(event('upload:chunk', { upload: 'u', index: 0, chunk: bytes.slice() }))
    gate.pass(event('upload:commit', { upload: 'u' }))
    gate.pass({ type: 1, nsp: '/' })
    expect((await entries()).map(({ kind, study, round }) => [kind, study, round])).toEqual([
      ['upload:open', 'tiny', 1],
      ['upload:chunk', 'tiny', 1],
      ['upload:commit', 'tiny', 1],
      ['disconnect', undefined, undefined],
    ])
  })

  test('withholds means when a class has too few tiles: from the manifest, and from progress', async () => {
    const { gate } = await gateWithAudit({ smallestClassCount: 4 })
    gate.admitStudy(study)
    gate.admitTiles([9, 3])
    gate.admitDelta(delta)
    const open = await sign()
    expect(() => gate.pass(event('upload:open', { manifest: open, chunks }))).toThrow(
      expect.objectContaining({
        code: 'ERR_GATE_MESSAGE',
        message: "manifest's loss must be withheld by the policy, got a value",
      }),
    )
    expect(gate.mayTellLoss()).toBe(false)
    expect(() => gate.pass(progress(0.5))).toThrow(code('ERR_GATE_MESSAGE'))
    gate.pass(progress(null))
    const told = gate.admitMetrics(10, metrics)
    expect(told).toMatchObject({ loss: null, ce: null, kl: null, nce: null, correct: null, seen: 10 })
    gate.pass(event('upload:open', { manifest: await sign({ metrics: told }), chunks }))
  })

  test('withholds means as long as nobody has counted the tiles', async () => {
    const { gate } = await gateWithAudit()
    gate.admitStudy(study)
    expect(gate.mayTellLoss()).toBe(false)
    expect(gate.admitMetrics(10, metrics).loss).toBeNull()
  })

  test('withholds the loss of a step over fewer tiles than the smallest count', async () => {
    const { gate } = await gateWithAudit({ smallestSampleCount: 9 })
    gate.admitStudy(study)
    gate.admitTiles([6, 6])
    expect(() => gate.pass(progress(0.5))).toThrow(code('ERR_GATE_MESSAGE'))
    gate.pass(progress(null))
  })

  test('refuses too few tiles, before the training and in the manifest', async () => {
    const { gate } = await gateWithAudit({ smallestSampleCount: 12 })
    gate.admitStudy(study)
    expect(() => gate.admitTiles([5, 6])).toThrow(code('ERR_POLICY_SAMPLES'))
    gate.admitTiles([6, 6])
    gate.admitDelta(delta)
    expect(() => gate.admitMetrics(11, metrics)).toThrow(code('ERR_POLICY_SAMPLES'))
    const manifest = await sign({ samples: 11 })
    expect(() => gate.pass(event('upload:open', { manifest, chunks }))).toThrow(code('ERR_POLICY_SAMPLES'))
  })

  test('refuses a delta that is not clipped', async () => {
    const { gate } = await gateWithAudit({ normClip: 9 })
    gate.admitStudy(study)
    expect(() => gate.admitDelta(delta)).toThrow(
      expect.objectContaining({
        code: 'ERR_GATE_TENSOR',
        message: 'delta must be clipped to a norm of 9, got 9.539',
      }),
    )
    gate.admitDelta(clipDelta(layout, delta, gate.normClip))
  })

  test('lets nothing of a study leave while the site is paused, from the very next frame on', async () => {
    let paused = false
    const { gate, entries } = await gateWithAudit({}, { isPaused: () => paused })
    gate.admitStudy(study)
    gate.admitTiles([6, 6])
    gate.admitDelta(delta)
    gate.pass(event('upload:open', { manifest: await sign(), chunks }))
    const chunk = event('upload:chunk', { upload: 'u', index: 0, chunk: bytes.slice() })
    paused = true
    const before = (await entries()).length
    const ofTheStudy = [
      chunk,
      event('upload:open', { manifest: await sign(), chunks }),
      event('upload:commit', { upload: 'u' }),
      event('model:chunk', { sha256: HASH('a'), index: 0 }),
      event('round:decline', { study: 'tiny', round: 1, code: 'ERR_TRAINING_DIVERGED' }),
      progress(null),
    ]
    for (const packet of ofTheStudy) expect(() => gate.pass(packet)).toThrow(code('ERR_POLICY_PAUSED'))
    expect(() => gate.assertRound('train', 2)).toThrow(code('ERR_POLICY_PAUSED'))
    expect(await entries()).toHaveLength(before)
    // The connection may stay: what keeps it passes.
    gate.pass({ type: 0, nsp: '/' })
    gate.pass({ type: 3, nsp: '/', id: 1, data: [{ ok: true }] })
    paused = false
    gate.pass(chunk)
  })

  test('lets nothing of a study pass that the site has left, but the word that a round goes on without it', async () => {
    let left = false
    const { gate } = await gateWithAudit({}, { hasLeft: () => left })
    gate.admitStudy(study)
    gate.admitTiles([6, 6])
    gate.admitDelta(delta)
    const manifest = await sign()
    left = true
    for (const packet of [
      event('upload:open', { manifest, chunks }),
      event('model:chunk', { sha256: HASH('a'), index: 0 }),
      progress(null),
    ]) {
      expect(() => gate.pass(packet)).toThrow(code('ERR_POLICY_LEFT'))
    }
    expect(() => gate.assertRound('train', 2)).toThrow(code('ERR_POLICY_LEFT'))
    gate.pass(event('round:decline', { study: 'tiny', round: 1, code: 'ERR_POLICY_LEFT' }))
  })

  test('a refused announcement announces nothing', async () => {
    let paused = true
    const { gate } = await gateWithAudit({}, { isPaused: () => paused })
    gate.admitStudy(study)
    gate.admitTiles([6, 6])
    gate.admitDelta(delta)
    const manifest = await sign()
    expect(() => gate.pass(event('upload:open', { manifest, chunks }))).toThrow(code('ERR_POLICY_PAUSED'))
    paused = false
    expect(() => gate.pass(event('upload:commit', { upload: 'u' }))).toThrow(code('ERR_GATE_MESSAGE'))
  })

  test('lets only joining and fetching pass in a dry run', async () => {
    const { gate } = await gateWithAudit({}, { dryRun: true })
    gate.admitStudy(study)
    gate.admitTiles([6, 6])
    gate.admitDelta(delta)
    gate.pass({ type: 0, nsp: '/' })
    gate.pass(event('model:chunk', { sha256: HASH('a'), index: 0 }))
    const manifest = await sign()
    for (const packet of [progress(null), event('upload:open', { manifest, chunks })]) {
      expect(() => gate.pass(packet)).toThrow(
        expect.objectContaining({
          code: 'ERR_POLICY_PAUSED',
          message: expect.stringContaining('must stay here in a dry run'),
        }),
      )
    }
  })

  test('counts every byte of a round’s upload against its limit, those sent twice too', async () => {
    const { gate } = await openGate({ largestUpload: { roundBytes: 1200, dayBytes: 1e6 } })
    const chunk = event('upload:chunk', { upload: 'u', index: 0, chunk: bytes.slice() })
    expect(() => {
      for (let i = 0; i < 20; i++) gate.pass(chunk)
    }).toThrow(
      expect.objectContaining({
        code: 'ERR_POLICY_LIMIT',
        message: expect.stringMatching(
          /^policy.yaml: bytes of a round’s upload must be at most 1200, got 1\d\d\d on /,
        ),
      }),
    )
  })

  test('asks before a round what its upload would meet', async () => {
    const { gate } = await gateWithAudit({ largestUpload: { roundBytes: 30_000, dayBytes: 1e6 } })
    gate.admitStudy(study)
    expect(() => gate.assertRound('train', 1)).toThrow(code('ERR_POLICY_LIMIT'))
  })

  test('waits with the upload for an approval where the policy wants one', async () => {
    const approved = new Set<number>()
    const { gate } = await gateWithAudit(
      { approval: 'each-round' },
      { isApproved: (study, round) => study === 'tiny' && approved.has(round) },
    )
    gate.admitStudy(study)
    gate.admitTiles([6, 6])
    gate.admitDelta(delta)
    gate.assertRound('train', 1)
    const manifest = await sign()
    expect(() => gate.assertRound('send', 1)).toThrow(code('ERR_POLICY_APPROVAL'))
    expect(() => gate.pass(event('upload:open', { manifest, chunks }))).toThrow(
      expect.objectContaining({
        code: 'ERR_POLICY_APPROVAL',
        message: 'round 1 must be approved (tessera site approve 1 --study tiny), got no answer yet',
      }),
    )
    approved.add(1)
    gate.assertRound('send', 1)
    gate.pass(event('upload:open', { manifest, chunks }))
  })
})
