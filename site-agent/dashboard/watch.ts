/** @file What the agent is at, from what it tells: the sections `agent`, `round` and `connection` of the view. Pure but for the clock. */
import type { Clock } from '@tessera/shared/clock'
import type {
  AgentStanding,
  AgentState,
  ConnectionStanding,
  RoundAtWork,
} from '@tessera/shared/dashboard/site-view'
import type { AgentEvent } from '../session/events.ts'
import { createCurve } from './curve.ts'

type Connection = Pick<ConnectionStanding, 'state' | 'sinceMs' | 'code' | 'reason'>
/** An update that is about to leave. */
export type Trained = Extract<AgentEvent, { kind: 'trained' }>

export interface Watch {
  see(event: AgentEvent): void
  agent(): Omit<AgentStanding, 'pausedSinceMs'>
  round(): RoundAtWork | null
  connection(): Connection
  /** SHA-256 of the policy that is enforced; `''`: the agent has not told it yet. */
  policy(): string
  /** The update of the round at work; null once it has left, or the round has ended. */
  leaving(): Trained | null
}

/** One entry an event: the type makes a missing one an error. */
type Seers = { [K in AgentEvent['kind']]: (event: Extract<AgentEvent, { kind: K }>) => void }

/** Starts with an agent that has said nothing. */
export function createWatch(clock: Clock): Watch {
  const curve = createCurve()
  let agent: Omit<AgentStanding, 'pausedSinceMs'> = standing('starting')
  let connection: Connection = { state: 'connecting', sinceMs: clock.now(), code: null, reason: null }
  let round: RoundAtWork | null = null
  let leaving: Trained | null = null
  let policy = ''
  let [rounds, hasTiles] = [0, false]

  const over = (state: AgentState): void => {
    leaving = null
    agent = standing(state)
  }
  const inRound = (number: number): RoundAtWork => {
    if (round?.round === number) return round
    curve.clear()
    round = begun(number, rounds)
    return round
  }
  const seers: Seers = {
    policy({ sha256 }) {
      policy = sha256
    },
    joined(event) {
      ;({ rounds } = event)
      connection = { state: 'joined', sinceMs: clock.now(), code: null, reason: null }
      if (agent.state === 'starting' && hasTiles) agent = standing('idle')
    },
    unreached({ code, reason }) {
      const sinceMs = connection.state === 'joined' ? clock.now() : connection.sinceMs
      connection = { state: 'lost', sinceMs, code, reason }
    },
    data() {
      hasTiles = true
      if (agent.state === 'starting') agent = standing('idle')
    },
    fetching({ bytes, totalBytes }) {
      agent = standing('fetching')
      if (round !== null) round = { ...round, bytesDone: bytes, bytesTotal: totalBytes }
    },
    training({ step, steps, loss, secondsLeft, parts, imagesPerSecond, ...event }) {
      agent = standing('training')
      ;({ rounds } = event)
      const before = inRound(event.round)
      curve.add(step, loss)
      const part = parts ?? before.parts
      const speed = imagesPerSecond ?? before.imagesPerSecond
      const told = { step, steps, loss, secondsLeft, parts: part, imagesPerSecond: speed }
      round = { ...before, ...told, rounds, bytesDone: 0, bytesTotal: 0, curve: curve.thinned() }
    },
    trained(event) {
      leaving = event
      round = { ...inRound(event.round), secondsLeft: null, bytesDone: 0, bytesTotal: event.bytes }
    },
    waiting({ round: number, code, reason }) {
      inRound(number)
      agent = standing('waiting', code, reason, code === 'ERR_POLICY_APPROVAL' ? number : null)
    },
    uploading({ round: number, bytes, totalBytes }) {
      agent = standing('uploading')
      round = { ...inRound(number), bytesDone: bytes, bytesTotal: totalBytes }
    },
    delivered: () => over('idle'),
    judged: () => over('idle'),
    declined({ round: number, code }) {
      over('declined')
      inRound(number)
      agent = standing('declined', code)
    },
    published({ final }) {
      // What is at work for a later round goes on.
      if (final) over('finished')
    },
    cancelled: () => over('cancelled'),
    left: () => over('left'),
  }
  return {
    // The entry is picked by `kind`; the compiler cannot follow that.
    see: (event) => (seers[event.kind] as (event: AgentEvent) => void)(event),
    agent: () => agent,
    round: () => round,
    connection: () => connection,
    policy: () => policy,
    leaving: () => leaving,
  }
}

function standing(
  state: AgentState,
  code: string | null = null,
  reason: string | null = null,
  toApprove: number | null = null,
): Omit<AgentStanding, 'pausedSinceMs'> {
  return { state, code, reason, toApprove }
}

function begun(round: number, rounds: number): RoundAtWork {
  return {
    round,
    rounds,
    step: 0,
    steps: 0,
    loss: null,
    parts: { ce: null, kl: null, nce: null },
    imagesPerSecond: null,
    secondsLeft: null,
    bytesDone: 0,
    bytesTotal: 0,
    curve: { steps: [], losses: [] },
  }
}
