/** @file Opens everything that a session has to pass: the folder's lock, the audit log with its sums, the signed policy, the gate. */
import type { Clock } from '@tessera/shared/clock'
import { studentLayout } from '@tessera/shared/model'
import type { Study } from '@tessera/shared/protocol'
import {
  createGuard,
  createTotals,
  type Guard,
  hasLeft,
  isApproved,
  isPaused,
  type SitePolicy,
} from '../policy/index.ts'
import { type AuditLog, openAudit, verifyAudit } from '../uplink/audit.ts'
import { createGate, type Gate } from '../uplink/gate.ts'
import type { GateStudy } from '../uplink/gate-state.ts'
import { auditFile, lockFolder, type SiteIdentity } from './site-folder.ts'

export interface BehindGateOptions {
  readonly dir: string
  readonly clock: Clock
  /** Null: none is signed yet; the site may join, and no study's messages leave. */
  readonly policy: SitePolicy | null
  /** Lets nothing out but joining and fetching models. */
  readonly dryRun?: boolean
}

/** Enforces another policy from the next frame on. Not while an upload is under way: its sums may be counted anew. */
export type Enforce = (policy: SitePolicy) => Promise<void>

/** Does the work with a gate, and closes all of it. @throws {TesseraError} ERR_STORE_LOCKED, ERR_AUDIT_BROKEN, what the work throws. */
export async function behindGate<T>(
  { dir, clock, policy: signed, dryRun = false }: BehindGateOptions,
  work: (gate: Gate, enforce: Enforce) => Promise<T>,
): Promise<T> {
  const unlock = await lockFolder(dir)
  let audit: AuditLog | null = null
  let timeZone = signed?.policy.timeZone ?? 'UTC'
  let totals = createTotals(timeZone)
  let guard: Guard | null = null
  const guardBy = (policy: SitePolicy): Guard =>
    createGuard({
      ...policy,
      totals,
      dryRun,
      now: () => clock.now(),
      isPaused: () => isPaused(dir),
      isApproved: (study, round) => isApproved(dir, study, round),
      hasLeft: (study) => hasLeft(dir, study),
    })
  const enforce: Enforce = async (policy) => {
    if (policy.policy.timeZone !== timeZone) {
      const counted = createTotals(policy.policy.timeZone)
      // Its days begin at another hour. Only uploads count, and none is under way.
      await verifyAudit(auditFile(dir), (entry) => counted.add(entry))
      ;({ timeZone } = policy.policy)
      totals = counted
    }
    guard = guardBy(policy)
  }
  try {
    audit = await openAudit(auditFile(dir), clock, (entry) => totals.add(entry))
    if (signed !== null) guard = guardBy(signed)
    return await work(
      createGate(audit, () => guard),
      enforce,
    )
  } finally {
    await audit?.close()
    await unlock()
  }
}

/** What the gate has to know of a study. */
export function gateStudy(
  study: Study,
  { site, coordinatorKey }: Pick<SiteIdentity, 'site' | 'coordinatorKey'>,
): GateStudy {
  return {
    site,
    study: study.id,
    layout: studentLayout(study),
    encoding: study.federation.encoding,
    coordinatorKey,
    teacher: study.teacher?.sha256 ?? null,
    batchSize: study.training.batchSize,
  }
}
