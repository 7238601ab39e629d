/** @file All that tells how a coordinator is: put together for the server, which mounts it, hands on its observer, and tells it how far it is. */
import { X509Certificate } from 'node:crypto'
import { statfs } from 'node:fs/promises'
import type { Clock } from '@tessera/shared/clock'
import type { Log } from '@tessera/shared/log'
import type { WebApp } from '@tessera/shared/web'
import { type CoordinatorConfig, metricsTokenOf } from '../config.ts'
import type { StudyProgress } from '../running/index.ts'
import { createHealth, type Health } from './health.ts'
import { createCoordinatorMetrics } from './metrics.ts'
import { type Observer, observers } from './observer.ts'
import type { Environment } from './otlp.ts'
import { mountOperation } from './routes.ts'
import type { Tracer } from './traces.ts'

export interface Operation {
  readonly observer: Observer
  readonly health: Health
  mount(app: WebApp): void
  /** Ends what runs for it; what was not sent yet is sent. */
  stop(): Promise<void>
}

/** Builds it; the coordinator is starting. @throws {TesseraError} ERR_CONFIG_INVALID */
export async function createOperation(options: {
  dir: string
  config: CoordinatorConfig
  clock: Clock
  log: Log
  /** Of TLS of its own, PEM. */
  certificate: Buffer | null
  studies: () => readonly StudyProgress[]
  environment?: Environment
}): Promise<Operation> {
  const { dir, config, clock, log, certificate, studies, environment = process.env } = options
  // First what a setting can make fail: nothing runs yet that would have to be ended.
  const token = metricsTokenOf(config, environment)
  const tracer = await openTracer(environment, clock, log)
  const metrics = createCoordinatorMetrics(clock, {
    studies,
    async disk() {
      const { bavail, blocks, bsize } = await statfs(dir)
      return { freeBytes: bavail * bsize, bytes: blocks * bsize }
    },
    certificateEndsAtMs: certificate && Date.parse(new X509Certificate(certificate).validTo),
  })
  const health = createHealth(clock)
  return {
    observer: tracer === null ? metrics.observer : observers([metrics.observer, tracer.observer]),
    health,
    mount: (app) => mountOperation(app, { health, metrics, token, proxy: config.proxy === true }),
    async stop() {
      metrics.stop()
      await tracer?.stop()
    },
  }
}

/** Loaded only where somebody wants traces. */
async function openTracer(environment: Environment, clock: Clock, log: Log): Promise<Tracer | null> {
  if (!environment.OTEL_EXPORTER_OTLP_ENDPOINT && !environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) return null
  const { createTracer } = await import('./traces.ts')
  return createTracer(environment, clock, log)
}
