/** @file The agent's metrics, from what it tells while it works. docs/metrics.md explains each; a test holds both equal. Nothing of a tile, a class or a policy. */
import type { Clock } from '@tessera/shared/clock'
import { createMetrics, type Declarations, PROCESS_METRICS, watchProcess } from '@tessera/shared/operation'
import { TESSERA_VERSION } from '@tessera/shared/protocol'
import type { AgentEvent } from '../session/events.ts'

export const AGENT_METRICS = {
  ...PROCESS_METRICS,
  tessera_agent_connected: {
    type: 'gauge',
    labels: [],
    help: '1 while the agent is in session with its coordinator.',
  },
  tessera_agent_cuts_total: {
    type: 'counter',
    labels: [],
    help: 'Times that the coordinator was not reached, or the session was lost.',
  },
  tessera_agent_round: { type: 'gauge', labels: [], help: 'Round that is trained, or was last.' },
  tessera_agent_steps: { type: 'gauge', labels: [], help: "Steps of the round's training." },
  tessera_agent_steps_done: { type: 'gauge', labels: [], help: 'Those that are done.' },
  tessera_agent_images_per_second: {
    type: 'gauge',
    labels: [],
    help: 'Speed of the training; 0 while none goes on.',
  },
  tessera_agent_left_seconds: { type: 'gauge', labels: [], help: "Time until the round's training ends." },
  tessera_agent_fetched_bytes_total: { type: 'counter', labels: [], help: 'Bytes of models fetched.' },
  tessera_agent_sent_bytes_total: {
    type: 'counter',
    labels: [],
    help: 'Bytes of updates that have their receipts.',
  },
  tessera_agent_delivered_total: { type: 'counter', labels: [], help: 'Updates that have their receipts.' },
  tessera_agent_declined_total: {
    type: 'counter',
    labels: ['code'],
    help: 'Rounds that went on without this site, by code.',
  },
  tessera_agent_held: { type: 'gauge', labels: [], help: "1 while the site's policy holds a round up." },
} as const satisfies Declarations

export interface AgentMetrics {
  see(event: AgentEvent): void
  readonly contentType: string
  text(): Promise<string>
  stop(): void
}

/** Starts counting. */
export function createAgentMetrics(clock: Clock): AgentMetrics {
  const metrics = createMetrics(AGENT_METRICS)
  const own = watchProcess(metrics, TESSERA_VERSION, clock.now())
  metrics.set('tessera_agent_connected', 0)
  metrics.set('tessera_agent_held', 0)
  /** Bytes of the model that is being fetched: it is told how far it is, and not by how much further. */
  let fetched = 0
  const idle = (): void => {
    metrics.set('tessera_agent_images_per_second', 0)
    metrics.set('tessera_agent_left_seconds', 0)
  }
  return {
    contentType: metrics.contentType,
    stop: () => own.stop(),
    text() {
      own.look()
      return metrics.text()
    },
    see(event) {
      switch (event.kind) {
        case 'joined':
          metrics.set('tessera_agent_connected', 1)
          break
        case 'unreached':
          metrics.set('tessera_agent_connected', 0)
          metrics.add('tessera_agent_cuts_total')
          break
        case 'fetching':
          // Less than before: another model, or the same from its beginning.
          metrics.add(
            'tessera_agent_fetched_bytes_total',
            event.bytes - (event.bytes < fetched ? 0 : fetched),
          )
          fetched = event.bytes === event.totalBytes ? 0 : event.bytes
          break
        case 'training':
          metrics.set('tessera_agent_held', 0)
          metrics.set('tessera_agent_round', event.round)
          metrics.set('tessera_agent_steps', event.steps)
          metrics.set('tessera_agent_steps_done', event.step)
          metrics.set('tessera_agent_left_seconds', event.secondsLeft)
          metrics.set('tessera_agent_images_per_second', event.imagesPerSecond ?? 0)
          break
        case 'trained':
          idle()
          break
        case 'delivered':
          metrics.add('tessera_agent_delivered_total')
          metrics.add('tessera_agent_sent_bytes_total', event.bytes)
          break
        case 'declined':
          idle()
          metrics.add('tessera_agent_declined_total', 1, { code: event.code })
          break
        case 'waiting':
          metrics.set('tessera_agent_held', 1)
          break
        // Nothing to count; named, so that a new kind is thought of here.
        case 'cancelled':
        case 'data':
        case 'judged':
        case 'left':
        case 'policy':
        case 'published':
        case 'uploading':
          break
      }
    },
  }
}
