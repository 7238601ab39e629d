/** @file The way to the coordinator: dials it as the agent would, over its TLS or HTTP, joins the study where one is named, and leaves. */

import type { Clock } from '@tessera/shared/clock'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import { type Log, silentLog } from '@tessera/shared/log'
import type { Study } from '@tessera/shared/protocol'
import { behindGate } from '../session/behind-gate.ts'
import type { Site } from '../session/site-folder.ts'
import { visit } from '../session/visit.ts'
import type { Dial } from '../uplink/socket.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { judgeClock } from './judge.ts'

export interface CoordinatorOptions {
  readonly dir: string
  readonly site: Site
  readonly study: string
  readonly coordinatorUrl?: string | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly dial?: Dial
}

/** What was found, and the study as the coordinator has signed it. */
export interface CoordinatorView {
  readonly findings: readonly Finding[]
  readonly study: Study | null
}

/** Joins once. Needs no signed policy: nothing but the join leaves. A coordinator that does not answer is a finding, not a wait. */
export async function lookAtCoordinator(options: CoordinatorOptions): Promise<CoordinatorView> {
  const { dir, site, clock, coordinatorUrl = site.coordinatorUrl } = options
  const startMs = clock.now()
  const first = firstFailure(options.signal)
  try {
    const { welcome, plan } = await behindGate({ dir, clock, policy: null }, (gate) =>
      visit({ ...options, gate, signal: first.signal, log: first.log }, async (joined) => joined),
    )
    const endMs = clock.now()
    const secure = coordinatorUrl.startsWith('https:')
    const text = `joined ${plan.study.id} at ${coordinatorUrl} in ${endMs - startMs} ms, ${secure ? 'TLS' : 'not encrypted'}`
    const path =
      secure || isLoopback(coordinatorUrl) ? ok('coordinator', text) : warn('coordinator', text, PLAIN)
    const halfMs = (endMs - startMs) / 2
    return {
      findings: [path, judgeClock(startMs + halfMs - welcome.issuedAtMs, halfMs)],
      study: plan.study,
    }
  } catch (thrown) {
    if (options.signal.aborted) throw thrown
    const error = first.reason() ?? asTesseraError(thrown)
    if (error.code === 'ERR_STORE_LOCKED') {
      const text = 'not looked at: an agent runs in this folder'
      return {
        findings: [warn('coordinator', text, 'See what that agent says, or stop it and check again.')],
        study: null,
      }
    }
    return { findings: [fail('coordinator', error.message, ADVICE)], study: null }
  }
}

const PLAIN =
  'Ask the operator for an https address: the signatures hold without TLS, but others can read along.'
const ADVICE =
  'Is the address right, and does the firewall let a WebSocket or HTTPS out to it? docs/protocol.md has what the network team needs.'

function isLoopback(url: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname)
}

/** A log for a connection that tries for ever: its first complaint ends the try, and is the reason. */
function firstFailure(outer: AbortSignal): {
  signal: AbortSignal
  log: Log
  reason: () => TesseraError | null
} {
  const given = new AbortController()
  let reason: TesseraError | null = null
  const log: Log = {
    ...silentLog,
    warn(event, fields) {
      if (event !== 'coordinator.waiting' || reason !== null) return
      reason = new TesseraError(
        'ERR_COORDINATOR_UNREACHABLE',
        fields?.reason ?? 'coordinator must answer, got nothing',
      )
      given.abort()
    },
    child: () => log,
  }
  return { signal: AbortSignal.any([outer, given.signal]), log, reason: () => reason }
}
