/** @file One short session, to look and to fetch: joins a study, does the work, and leaves. The round that is offered meanwhile is left to the agent. */
import type { Clock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import { createRandom } from '@tessera/shared/random'
import { createNonce } from '@tessera/shared/security'
import { type Ask, openConnection } from '../uplink/connection.ts'
import { type Gate, gatedParser } from '../uplink/gate.ts'
import { patientAsk } from '../uplink/patient.ts'
import { type Dial, dialOver } from '../uplink/socket.ts'
import { type JoinedStudy, joinStudy } from './join.ts'
import type { Site } from './site-folder.ts'

export interface VisitOptions {
  readonly site: Site
  /** Id of the study. */
  readonly study: string
  /** Another address than the kit's; the key stays pinned. */
  readonly coordinatorUrl?: string | undefined
  readonly gate: Gate
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly dial?: Dial | undefined
}

/**
 * Waits for a coordinator that is not there yet, as the agent does.
 * @throws {TesseraError} ERR_INTERRUPTED; what {@link joinStudy} and the work throw.
 */
export async function visit<T>(
  options: VisitOptions,
  work: (joined: JoinedStudy, ask: Ask) => Promise<T>,
): Promise<T> {
  const { site, study, gate, clock, log, signal } = options
  const instance = createNonce()
  let joined: JoinedStudy | null = null
  const connection = openConnection({
    url: options.coordinatorUrl ?? site.coordinatorUrl,
    parser: gatedParser(gate),
    dial: options.dial ?? dialOver(site.transport, log),
    clock,
    random: createRandom(`${site.site}/visit`),
    log,
    async join(nonce, ask) {
      // It has nothing to go on with: what the site has of the study is the agent's to tell.
      const nothing = { latest: null, work: null }
      joined = await joinStudy({ ...site, study, nonce, instance, ...nothing, ask, clock, log })
    },
    onOffer: onlyVisiting,
    onPublished: onlyVisiting,
    onSnapshot: onlyVisiting,
  })
  try {
    await connection.joined(signal)
    if (joined === null)
      throw new TesseraError('ERR_INTERNAL', 'internal: a visit has joined without a welcome')
    return await work(joined, patientAsk(connection, signal))
  } finally {
    connection.close()
  }
}

async function onlyVisiting(): Promise<never> {
  throw new TesseraError(
    'ERR_POLICY_PAUSED',
    'message must wait for the agent, got a session that only looks',
  )
}
