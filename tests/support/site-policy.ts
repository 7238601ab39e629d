/** @file Policies for tests: permissive, so that each test sets the one rule it is about. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fingerprint, type KeyPair, sha256Hex } from '@tessera/shared/security'
import { createGuard, type Guard, type GuardOptions } from '../../site-agent/policy/guard.ts'
import { createTotals, type Policy, signPolicy } from '../../site-agent/policy/index.ts'
import type { Totals } from '../../site-agent/policy/totals.ts'

/** A public key of 32 zero bytes. */
export const KEY = 'A'.repeat(43)
export const POLICY_HASH = sha256Hex('a policy')

/** A policy of site `north` that allows everything. */
export function aPolicy(changes: Partial<Policy> = {}): Policy {
  return {
    version: 1,
    site: 'north',
    studies: 'any',
    coordinators: [fingerprint(KEY)],
    teachers: 'any',
    statisticsMayLeave: true,
    smallestSampleCount: 1,
    smallestClassCount: 1,
    judging: 'counts',
    largestUpload: { roundBytes: 1e9, dayBytes: 1e12 },
    normClip: 'none',
    timeZone: 'UTC',
    hours: 'always',
    approval: 'none',
    roundsPerDay: 1000,
    ...changes,
  }
}

/** A guard of such a policy, with its sums. */
export function aGuard(
  rules: Partial<Policy> = {},
  world: Partial<GuardOptions> = {},
): Guard & { totals: Totals } {
  const policy = aPolicy(rules)
  const totals = world.totals ?? createTotals(policy.timeZone)
  const guard = createGuard({
    policy,
    hash: POLICY_HASH,
    totals,
    now: () => 1_800_000_000_000,
    isPaused: () => false,
    isApproved: () => false,
    ...world,
  })
  return { ...guard, totals }
}

/** Writes and signs such a policy into a site's folder; gives its hash. */
export async function writePolicy(
  dir: string,
  who: { site: string; keys: KeyPair; coordinator: string },
  rules: Partial<Policy> = {},
): Promise<string> {
  const { site, keys, coordinator } = who
  const policy = aPolicy({ site, coordinators: [fingerprint(coordinator)], ...rules })
  // JSON is YAML.
  await writeFile(join(dir, 'policy.yaml'), JSON.stringify(policy))
  return (await signPolicy(dir, { site, keys }, 1)).hash
}
