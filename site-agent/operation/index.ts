import type { Clock } from '@tessera/shared/clock'
import type { Log } from '@tessera/shared/log'
import type { AgentEvent } from '../session/events.ts'
import { createAgentMetrics } from './metrics.ts'
import { serveMetrics } from './serve.ts'

export { AGENT_METRICS } from './metrics.ts'

/** Counts what an agent tells and serves it. @throws {TesseraError} ERR_CONFIG_INVALID if the port is taken. */
export async function openAgentMetrics(
  port: number,
  clock: Clock,
  log: Log,
): Promise<{ readonly port: number; see(event: AgentEvent): void; close(): void }> {
  const metrics = createAgentMetrics(clock)
  try {
    const server = await serveMetrics(metrics, port, log)
    log.info('metrics.served', { port: server.port })
    return {
      port: server.port,
      see: (event) => metrics.see(event),
      close() {
        server.close()
        metrics.stop()
      },
    }
  } catch (thrown) {
    metrics.stop()
    throw thrown
  }
}
