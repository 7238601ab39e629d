/**
 * @file `/healthz`, `/readyz` and `/metrics` on the coordinator's port. The first two say one word to anyone. Metrics name studies, sites and losses: they are
 * for this machine, and for whoever has the token.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { TesseraError } from '@tessera/shared/errors'
import { isFromHere } from '@tessera/shared/operation'
import type { WebApp } from '@tessera/shared/web'
import type { Health } from './health.ts'
import type { CoordinatorMetrics } from './metrics.ts'

const FORWARDING = ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via'] as const

export interface OperationOptions {
  readonly health: Health
  readonly metrics: Pick<CoordinatorMetrics, 'text' | 'contentType'>
  /** Absent: only this machine may read metrics. */
  readonly token?: string | undefined
  /** Behind a proxy all connections come from this machine, which then says nothing. */
  readonly proxy: boolean
}

/** Adds the three routes. */
export function mountOperation(app: WebApp, { health, metrics, token, proxy }: OperationOptions): void {
  app.get('/healthz', (c) => c.json({ alive: true }))
  app.get('/readyz', async (c) => {
    const reason = await health.standing()
    return c.json({ ready: reason === 'ready', reason }, reason === 'ready' ? 200 : 503)
  })
  app.get('/metrics', async (c) => {
    const address = c.env.incoming?.socket.remoteAddress
    // A proxy that the settings do not know of says itself whom it asks for.
    const isForwarded = proxy || FORWARDING.some((name) => c.req.header(name) !== undefined)
    const isHere = !isForwarded && isFromHere(address, c.req.header('host'))
    if (!isHere && !isBearer(c.req.header('authorization'), token)) {
      throw new TesseraError(
        'ERR_METRICS_TOKEN',
        'metrics must be asked for from this machine or with the token of the settings, got neither',
      )
    }
    return c.body(await metrics.text(), 200, { 'Content-Type': metrics.contentType })
  })
}

function isBearer(authorization: string | undefined, token: string | undefined): boolean {
  const given = /^Bearer (\S{1,512})$/i.exec(authorization ?? '')?.[1]
  if (token === undefined || given === undefined) return false
  // By their digests: the comparison takes the same time for any two.
  return timingSafeEqual(digest(given), digest(token))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
