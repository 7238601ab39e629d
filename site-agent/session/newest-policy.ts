/** @file A policy that a person signs while the agent runs counts from the next round on. The round at work ends under the one that it began with. */
import { asTesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import { hashOfPolicy, loadPolicy } from '../policy/index.ts'
import type { Gate } from '../uplink/gate.ts'
import type { Enforce } from './behind-gate.ts'
import type { AgentEvent } from './events.ts'
import type { Site } from './site-folder.ts'

export interface NewestPolicyOptions {
  readonly dir: string
  readonly site: Site
  readonly gate: Gate
  readonly enforce: Enforce
  readonly log: Log
  readonly onProgress: (event: AgentEvent) => void
}

/**
 * Gives what takes over a policy that was signed since, and asks the study and the tiles anew. What nobody has signed, or cannot be read, changes
 * nothing: the policy that was signed stays in force.
 * @returns Throws ERR_POLICY_STUDY or ERR_POLICY_SAMPLES, when the new policy does not let this site take part any more.
 */
export function newestPolicy(options: NewestPolicyOptions): () => Promise<void> {
  const { dir, site, gate, enforce, log, onProgress } = options
  return async () => {
    try {
      // One small file a round. Its signature is looked at when it has changed.
      if ((await hashOfPolicy(dir)) === gate.policyHash) return
      await enforce(await loadPolicy(dir, site))
    } catch (thrown) {
      const { code, message } = asTesseraError(thrown)
      log.warn('policy.ignored', { code, reason: message, sha256: gate.policyHash })
      return
    }
    log.info('policy.changed', { sha256: gate.policyHash })
    onProgress({ kind: 'policy', sha256: gate.policyHash })
    gate.assertStillAdmitted()
  }
}
