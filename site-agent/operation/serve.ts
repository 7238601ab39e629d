/** @file `/metrics` of an agent, on 127.0.0.1 and nowhere else: a site's port is nobody else's business, and what watches the machine runs on it. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import { isFromHere } from '@tessera/shared/operation'
import { createWebApp, listener } from '@tessera/shared/web'
import type { AgentMetrics } from './metrics.ts'

/** One that asks every few seconds, and a person beside it. */
const MAX_CONNECTIONS = 8

/** Serves them; gives the port, and how to end. @throws {TesseraError} ERR_CONFIG_INVALID if the port is taken. */
export async function serveMetrics(
  metrics: Pick<AgentMetrics, 'text' | 'contentType'>,
  port: number,
  log: Log,
): Promise<{ port: number; close(): void }> {
  const app = createWebApp(log)
  app.get('/metrics', async (c) => {
    if (!isFromHere(c.env.incoming?.socket.remoteAddress, c.req.header('host'))) {
      throw new TesseraError(
        'ERR_METRICS_TOKEN',
        'metrics must be asked for under 127.0.0.1, got another name',
      )
    }
    return c.body(await metrics.text(), 200, { 'Content-Type': metrics.contentType })
  })
  const server = createServer(listener(app))
  server.maxConnections = MAX_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new TesseraError('ERR_CONFIG_INVALID', `metrics port must be free, got ${cause.code} for ${port}`, {
          cause,
        }),
      ),
    )
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
