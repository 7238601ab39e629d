import { join } from 'node:path'
import { encodeDelta } from '@tessera/shared/delta'
import { encodeFrame } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { listChunks, listHash } from '@tessera/shared/transfer'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openAudit } from '../../../site-agent/uplink/audit.ts'
import { createGate, gatedParser } from '../../../site-agent/uplink/gate.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { bytes, delta, event, gateWithAudit, layout, sign, study } from './open-gate.ts'

describe('an encoding that is not exact', () => {
  const int8 = { ...study, encoding: 'int8' } as const
  const encoded = encodeDelta(layout, delta, { encoding: 'int8', random: createRandom('r') })
  const list = listChunks(encoded)
  const { digests: chunks } = list
  const announced = {
    bytes: encoded.length,
    payload: listHash(list),
    encoding: 'int8',
  } as const

  test('is made by the gate, and its bytes alone pass', async () => {
    const { gate } = await gateWithAudit()
    gate.admitStudy(int8)
    gate.admitTiles([6, 6])
    expect(gate.admitDelta(delta, createRandom('r')).bytes).toEqual(encoded)
    gate.pass(event('upload:open', { manifest: await sign(announced), chunks }))
    gate.pass(event('upload:chunk', { upload: 'u', index: 0, chunk: encoded }))
    const other = encoded.toReversed()
    expect(() => gate.pass(event('upload:chunk', { upload: 'u', index: 0, chunk: other }))).toThrow(
      expect.objectContaining({ code: 'ERR_GATE_TENSOR' }),
    )
  })
  test('is not announced as another', async () => {
    const { gate } = await gateWithAudit()
    gate.admitStudy(int8)
    gate.admitDelta(delta, createRandom('r'))
    for (const [changes, code] of [
      [{ ...announced, encoding: 'f32' as const }, 'ERR_GATE_TENSOR'],
      [{ ...announced, bytes: bytes.length }, 'ERR_GATE_SIZE'],
    ] as const) {
      const manifest = await sign(changes)
      expect(() => gate.pass(event('upload:open', { manifest, chunks }))).toThrow(
        expect.objectContaining({ code }),
      )
    }
  })
})

describe('gate.admitDelta()', () => {
  test.each([
    ['a tensor more', new Map([...delta, ['queue', Float32Array.of(1)]]), 'ERR_GATE_TENSOR'],
    ['a local-only tensor', new Map([...delta, ['secret', new Float32Array(4)]]), 'ERR_GATE_TENSOR'],
    ['a tensor less', new Map([...delta].slice(0, 1)), 'ERR_GATE_TENSOR'],
    ['another order', new Map([...delta].toReversed()), 'ERR_GATE_TENSOR'],
    ['a longer tensor', new Map([...delta, ['w', new Float32Array(7)]]), 'ERR_TENSOR_SHAPE'],
  ])('refuses %s', async (_, wrong, code) => {
    const { gate } = await gateWithAudit()
    gate.admitStudy(study)
    expect(() => gate.admitDelta(wrong)).toThrow(expect.objectContaining({ code }))
  })

  test('refuses any delta before a study is admitted', async () => {
    const { gate } = await gateWithAudit()
    expect(() => gate.admitDelta(delta)).toThrow(expect.objectContaining({ code: 'ERR_GATE_MESSAGE' }))
  })
})

describe('gate.admitStudy()', () => {
  test('refuses a study that the policy does not allow', async () => {
    const { gate } = await gateWithAudit({ statisticsMayLeave: false })
    expect(() => gate.admitStudy(study)).toThrow(
      expect.objectContaining({
        code: 'ERR_POLICY_STUDY',
        message: 'policy.yaml: batch-norm statistics must stay at the site, got mean in the delta',
      }),
    )
  })
  test('refuses every study as long as no policy is signed, and lets enrolment and joining pass', async () => {
    const file = join(await temporaryFolder(), 'audit.jsonl')
    const audit = await openAudit(file, fakeClock())
    onTestFinished(() => audit.close())
    const gate = createGate(audit, () => null)
    expect(() => gate.admitStudy(study)).toThrow(expect.objectContaining({ code: 'ERR_POLICY_UNSIGNED' }))
    expect(gate.pass({ type: 0, nsp: '/' })).toEqual(encodeFrame({ type: 0, nsp: '/' }))
  })
})

describe('gatedParser()', () => {
  test('encodes through the gate', async () => {
    const { gate } = await gateWithAudit()
    const encoder = new (gatedParser(gate).Encoder)()
    expect(encoder.encode({ type: 0, nsp: '/' })).toEqual([encodeFrame({ type: 0, nsp: '/' })])
    expect(() => encoder.encode(event('tile:send', {}))).toThrow(
      expect.objectContaining({ code: 'ERR_GATE_MESSAGE' }),
    )
  })
})
