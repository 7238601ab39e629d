/** @file A site's folder, its audit log, and its dashboard as an application that a test asks without a socket. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { silentLog } from '@tessera/shared/log'
import { generateKeyPair } from '@tessera/shared/security'
import { openSessions } from '@tessera/shared/web'
import type { AgentEvent } from '@tessera/site-agent'
import { onTestFinished } from 'vitest'
import { createActs } from '../../../site-agent/dashboard/acts.ts'
import { linkFolder, sessionFile } from '../../../site-agent/dashboard/address.ts'
import { createLive } from '../../../site-agent/dashboard/live.ts'
import { createModel, type Model, type ModelOptions } from '../../../site-agent/dashboard/model.ts'
import { newLink } from '../../../site-agent/dashboard/new-link.ts'
import { createDashboardApp } from '../../../site-agent/dashboard/routes.ts'
import { auditFile, loadSite } from '../../../site-agent/session/site-folder.ts'
import { studyFile } from '../../../site-agent/session/workplace.ts'
import { type AuditEntry, openAudit } from '../../../site-agent/uplink/audit.ts'
import { type EnrolledSite, enrolledSite } from '../../support/enrolled-site.ts'
import { type FakeClock, fakeClock } from '../../support/fake-clock.ts'
import { TINY_STUDY } from '../../support/mini-coordinator.ts'

export type Line = Partial<Omit<AuditEntry, 'seq' | 'time' | 'previous'>>

/** Appends lines to an audit log; `at` moves the clock on before each. */
export async function writeAudit(file: string, lines: readonly Line[], clock = fakeClock()): Promise<void> {
  const log = await openAudit(file, clock)
  for (const line of lines) {
    log.append({ kind: 'connect', why: 'opens the connection', bytes: 1, sha256: 'a'.repeat(64), ...line })
  }
  await log.close()
}

export interface ASite extends EnrolledSite {
  readonly clock: FakeClock
  readonly model: Model
  see(...events: AgentEvent[]): void
  /** Asks as the page does, signed in unless the test says otherwise. */
  ask(
    path: string,
    options?: { method?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Response>
  /** Signs in with a new link; the cookie. */
  signIn(): Promise<string>
  /** The secret of a new link. */
  link(): Promise<string>
}

const HOST = '127.0.0.1:8470'

/** Makes one, with the tiny study joined. */
export async function aSite(more: Partial<ModelOptions> = {}): Promise<ASite> {
  const enrolled = await enrolledSite('http://127.0.0.1:9', await generateKeyPair())
  const { dir } = enrolled
  await mkdir(join(dir, 'state', 'tiny'), { recursive: true })
  await writeFile(studyFile(dir, 'tiny'), JSON.stringify(TINY_STUDY))
  const clock = fakeClock()
  const site = await loadSite(dir)
  const common = { dir, site, study: 'tiny', clock, log: silentLog }
  const model = await createModel({
    ...common,
    coordinatorUrl: site.coordinatorUrl,
    version: '0.1.0',
    engine: 'wasm',
    checkTiles: async () => ({ report: null, empty: 0, blurred: 0, fault: null }),
    ...more,
  })
  onTestFinished(() => model.close())
  const page = join(dir, 'page')
  await mkdir(page)
  const files = new Map()
  const live = createLive(model, clock)
  onTestFinished(() => live.close())
  const app = createDashboardApp({
    model,
    acts: createActs({ ...common, model }),
    live,
    sessions: await openSessions(sessionFile(dir), clock),
    linkFolder: linkFolder(dir),
    files,
    port: 8470,
    clock,
    log: silentLog,
  })
  let cookie: string | null = null
  const link = async (): Promise<string> => (await newLink(dir, '', clock)).link.slice('#sign-in='.length)
  const ask: ASite['ask'] = async (path, { method = 'GET', body, headers = {} } = {}) =>
    app.request(`http://${HOST}${path}`, {
      method,
      headers: {
        host: HOST,
        ...(method === 'GET' ? {} : { origin: `http://${HOST}`, 'content-type': 'application/json' }),
        ...(cookie === null ? {} : { cookie }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  return {
    ...enrolled,
    clock,
    model,
    see: (...events) => events.forEach((event) => model.see(event)),
    ask,
    link,
    async signIn() {
      const reply = await ask('/dashboard/api/session', { method: 'POST', body: { link: await link() } })
      cookie = (reply.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
      return cookie
    },
  }
}

/** Where the log of a site is. */
export const auditOf = ({ dir }: EnrolledSite): string => auditFile(dir)
