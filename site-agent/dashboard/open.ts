/** @file Opens the site's dashboard beside its agent. It serves and reads; the agent goes its way whether or not it is there. */
import { rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import { writeDurably } from '@tessera/shared/files'
import type { Log } from '@tessera/shared/log'
import { listener, openSessions, readStaticFiles } from '@tessera/shared/web'
import type { AgentEvent } from '../session/events.ts'
import { createActs } from './acts.ts'
import { addressFile, type Listen, linkFolder, sessionFile } from './address.ts'
import { createLive } from './live.ts'
import { createModel, type ModelOptions } from './model.ts'
import { newLink } from './new-link.ts'
import { BASE, createDashboardApp } from './routes.ts'

export interface DashboardOptions extends Omit<ModelOptions, 'log'> {
  readonly listen: Listen
  /** Gives the folder of the page's files. */
  readonly page: () => Promise<string>
  readonly log: Log
}

export interface Dashboard {
  /** The page's address. */
  readonly url: string
  /** Signs one person in, once. */
  readonly link: string
  see(event: AgentEvent): void
  close(): Promise<void>
}

/** Of one browser and a neighbour who tries: no more are needed, and none is kept waiting for a head that does not come. */
const MAX_CONNECTIONS = 64
const HEAD_WITHIN_MS = 10_000

/** Opens it. @throws {TesseraError} ERR_DASHBOARD_PORT if it cannot listen there; ERR_DASHBOARD_UNBUILT; ERR_STORE_WRITE. */
export async function openDashboard(options: DashboardOptions): Promise<Dashboard> {
  const { dir, listen, site, study, clock, log } = options
  const files = await readStaticFiles(await options.page())
  const sessions = await openSessions(sessionFile(dir), clock)
  const model = await createModel(options)
  const live = createLive(model, clock)
  const acts = createActs({ dir, site, study, model, clock, log })

  const server = createServer({ headersTimeout: HEAD_WITHIN_MS })
  server.maxConnections = MAX_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(taken(listen, cause)))
    server.listen(listen.port, listen.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const common = { model, acts, live, sessions, files, clock, log }
  server.on('request', listener(createDashboardApp({ ...common, linkFolder: linkFolder(dir), port })))

  const host = listen.host === '::1' ? '[::1]' : listen.host
  const url = `http://${host}:${port}${BASE}`
  const close = async (): Promise<void> => {
    live.close()
    model.close()
    server.close()
    server.closeAllConnections()
    await sessions.close()
    await rm(addressFile(dir), { force: true })
  }
  try {
    await writeDurably(addressFile(dir), JSON.stringify({ url }))
    const { link } = await newLink(dir, url, clock)
    log.info('dashboard.opened', { port })
    return { url, link, see: (event) => model.see(event), close }
  } catch (thrown) {
    await close()
    throw thrown
  }
}

function taken({ host, port }: Listen, cause: unknown): TesseraError {
  const got = (cause as NodeJS.ErrnoException).code ?? asTesseraError(cause).message
  return new TesseraError(
    'ERR_DASHBOARD_PORT',
    `dashboard must be able to listen on port ${port} of ${host}, got ${got}`,
    {
      cause,
    },
  )
}
