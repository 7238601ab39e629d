/** @file A gate of a tiny study with its audit log, and what a site may announce through it. */
import { join } from 'node:path'
import { encodeDelta } from '@tessera/shared/delta'
import { type Layout, layoutHash, type Weights } from '@tessera/shared/model'
import { generateKeyPair, type KeyPair, signPayload } from '@tessera/shared/security'
import { listChunks, listHash } from '@tessera/shared/transfer'
import { onTestFinished } from 'vitest'
import type { GuardOptions } from '../../../site-agent/policy/guard.ts'
import type { Policy } from '../../../site-agent/policy/index.ts'
import { type AuditEntry, openAudit, verifyAudit } from '../../../site-agent/uplink/audit.ts'
import { createGate, type Gate } from '../../../site-agent/uplink/gate.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { aManifest } from '../../support/signed-parts.ts'
import { aGuard, KEY, POLICY_HASH } from '../../support/site-policy.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

export const layout: Layout = {
  architecture: 'test',
  tensors: [
    { name: 'w', shape: [2, 3], kind: 'trainable' },
    { name: 'mean', shape: [2], kind: 'statistic' },
    { name: 'secret', shape: [4], kind: 'local-only' },
  ],
}
export const delta: Weights = new Map([
  ['w', Float32Array.of(1, 2, 3, 4, 5, 6)],
  ['mean', Float32Array.of(7, 8)],
])
export const bytes = encodeDelta(layout, delta)
export const list = listChunks(bytes)
export const chunks = list.digests
export const study = {
  site: 'north',
  study: 'tiny',
  layout,
  coordinatorKey: KEY,
  teacher: null,
  batchSize: 8,
}
export const announcement = {
  layoutHash: layoutHash(layout),
  bytes: bytes.length,
  payload: listHash(list),
  policyHash: POLICY_HASH,
}

export const keys: KeyPair = await generateKeyPair()
export const sign = (changes = {}) =>
  signPayload('manifest', aManifest({ ...announcement, ...changes }), keys.privateKey)
export const event = (name: string, body: unknown) => ({ type: 2, nsp: '/', id: 0, data: [name, body] })

export async function gateWithAudit(
  rules: Partial<Policy> = {},
  world: Partial<GuardOptions> = {},
  clock = fakeClock(),
): Promise<{ gate: Gate; entries: () => Promise<AuditEntry[]> }> {
  const file = join(await temporaryFolder(), 'audit.jsonl')
  const guard = aGuard(rules, { now: () => clock.now(), ...world })
  const audit = await openAudit(file, clock, (entry) => guard.totals.add(entry))
  onTestFinished(() => audit.close())
  return {
    gate: createGate(audit, () => guard),
    async entries() {
      const entries: AuditEntry[] = []
      await verifyAudit(file, (entry) => entries.push(entry))
      return entries
    },
  }
}

/** A gate that has announced the delta. */
export async function openGate(rules: Partial<Policy> = {}) {
  const both = await gateWithAudit(rules)
  both.gate.admitStudy(study)
  both.gate.admitTiles([6, 6])
  both.gate.admitDelta(delta)
  both.gate.pass(event('upload:open', { manifest: await sign(), chunks }))
  return both
}
