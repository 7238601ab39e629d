/** @file What the coordinator's port answers beside Socket.IO: each part mounts its routes on the one application that is made here. */
import type { Log } from '@tessera/shared/log'
import { createWebApp, type WebApp } from '@tessera/shared/web'

/** Builds it, with nothing but the way to the dashboard. Addresses are relative: a proxy may put a path in front of all of them. */
export function createCoordinatorApp(log: Log): WebApp {
  const app = createWebApp(log)
  app.get('/', (c) => c.redirect('dashboard/'))
  return app
}
