/** @file What the site's dashboard answers: who has signed in with a link of this machine sees and acts, nobody else learns anything. */
import type { Clock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import { name, sha256 } from '@tessera/shared/protocol'
import {
  createRateLimit,
  createWebApp,
  ownPagesOnly,
  readJson,
  type Session,
  type Sessions,
  type StaticFiles,
  serveStatic,
  sessionCookie,
  takeLink,
  type WebApp,
} from '@tessera/shared/web'
import { stream } from 'hono/streaming'
import { z } from 'zod'
import type { Acts } from './acts.ts'
import { framesCsv } from './frames-csv.ts'
import type { Live } from './live.ts'
import type { Model } from './model.ts'

export interface RouteOptions {
  readonly model: Model
  readonly acts: Acts
  readonly live: Live
  readonly sessions: Sessions
  /** Of one-time links. */
  readonly linkFolder: string
  readonly files: StaticFiles
  /** Of the server: cookies know none, so the cookie's name has it. */
  readonly port: number
  readonly clock: Clock
  readonly log: Log
}

/** Addresses of the page and of what it asks begin with it. */
export const BASE = '/dashboard/'

/** Frames on a page. */
const PAGE_FRAMES = 100
/** A person signs in a few times a day; who guesses would need 2²⁵⁶ of them. */
const SIGN_INS = { burst: 10, perMinute: 5 }
/** What a person clicks, pages of frames included. */
const REQUESTS = { burst: 120, perMinute: 240 }

const nothing = z.strictObject({})
const link = z.strictObject({ link: z.string().max(64) })
const approval = z.strictObject({ round: z.int().positive(), payload: sha256 })
const leave = z.strictObject({ study: name })
/** As many characters as the largest policy has bytes. */
const text = z.string().max(64 * 1024)
const draft = z.strictObject({ text })
const toSign = z.strictObject({ text, previous: sha256 })
const query = z.object({
  before: z.coerce.number().int().positive().optional(),
  study: name.optional(),
  kind: z
    .string()
    .regex(/^[a-z:]{1,32}$/)
    .optional(),
  day: z
    .string()
    .regex(/^\d{4}-\d\d-\d\d$/)
    .optional(),
})

/** Builds the application. */
export function createDashboardApp(options: RouteOptions): WebApp {
  const { model, acts, live, sessions, linkFolder, files, port, clock, log } = options
  const app = createWebApp(log)
  // Not over TLS: it never leaves this machine.
  const cookie = sessionCookie(`tessera-site-${port}`, false)
  const [signIns, requests] = [createRateLimit(clock, SIGN_INS), createRateLimit(clock, REQUESTS)]
  app.use(ownPagesOnly({ names: new Set(), hosts: new Set(), secure: false }))
  app.get('/', (c) => c.redirect(BASE))
  app.use(serveStatic(files, BASE))

  const api = (path: string): string => `${BASE}api/${path}`
  app.post(api('session'), async (c) => {
    try {
      const { link: secret } = await readJson(c, clock, link)
      const { secret: own, session } = await sessions.begin(await takeLink(linkFolder, secret, clock))
      cookie.write(c, own)
      log.info('person.signed-in', { reason: session.name })
      return c.json({})
    } catch (thrown) {
      // Only what fails counts: who guesses must not keep out who has a link.
      signIns('all')
      throw thrown
    }
  })
  app.use(`${BASE}api/*`, async (c, next) => {
    const session = sessions.find(cookie.read(c))
    if (session === null) {
      throw new TesseraError(
        'ERR_SIGN_IN',
        'request must come from who has signed in (tessera site dashboard), got a stranger',
      )
    }
    requests(session.hash)
    await next()
  })
  const sessionOf = (secret: string | undefined): Session | null => sessions.find(secret)

  app.get(api('session'), (c) => c.json({}))
  app.post(api('session/end'), async (c) => {
    await readJson(c, clock, nothing)
    const session = sessionOf(cookie.read(c))
    if (session !== null) await sessions.end(session)
    cookie.clear(c)
    return c.json({})
  })
  app.get(api('live'), (c) => {
    const secret = cookie.read(c)
    return live.stream(c, () => sessionOf(secret) === null)
  })

  app.get(api('frames'), async (c) => {
    const asked = query.safeParse(c.req.query())
    if (!asked.success) throw new TesseraError('ERR_USAGE', 'question must fit its form, got another')
    const book = await model.book()
    const { entries, next } = await book.page({ ...asked.data, limit: PAGE_FRAMES })
    return c.json({ frames: await model.frames.rows(entries), next })
  })
  app.get(api('frames.csv'), async (c) => {
    const book = await model.book()
    c.header('Content-Type', 'text/csv; charset=utf-8')
    c.header('Content-Disposition', 'attachment; filename="audit.csv"')
    return stream(c, async (out) => {
      for await (const text of framesCsv(book.all())) await out.write(text)
    })
  })
  app.post(api('audit/verify'), async (c) => {
    await readJson(c, clock, nothing)
    // The answer comes in the view: a long log takes longer than a request should.
    void model.readAgain()
    return c.json({})
  })

  app.get(api('leaving'), async (c) => c.json(await acts.leaving()))
  app.post(api('approve'), async (c) => {
    await acts.approve(await readJson(c, clock, approval))
    return c.json({})
  })
  app.post(api('leave'), async (c) => {
    await acts.leave(await readJson(c, clock, leave))
    return c.json({})
  })
  for (const [path, act] of [
    ['pause', () => acts.pause()],
    ['resume', () => acts.resume()],
    ['data/check', () => model.checkData()],
  ] as const) {
    app.post(api(path), async (c) => {
      await readJson(c, clock, nothing)
      await act()
      return c.json({})
    })
  }
  app.get(api('policy'), async (c) => c.json(await acts.policy()))
  app.post(api('policy/read'), async (c) => c.json(acts.readPolicy((await readJson(c, clock, draft)).text)))
  app.post(api('policy/sign'), async (c) => c.json(await acts.signPolicy(await readJson(c, clock, toSign))))
  return app
}
