/** @file An HTTP application with what every page and answer of ours has in common: strict headers, refusals as `{ code, message }`, no stack, no cache. */
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import { asTesseraError, TesseraError } from '../errors.ts'
import type { Log } from '../log.ts'
import { statusOf } from './status.ts'

/** What a handler finds beside its request. Absent where a test asks the application without a socket. */
export type WebEnv = { Bindings: Partial<HttpBindings> }
export type WebApp = Hono<WebEnv>
export type WebContext = Context<WebEnv>

/** Builds an application without a route. */
export function createWebApp(log: Log): WebApp {
  const app = new Hono<WebEnv>()
  app.use(
    secureHeaders({
      // Nothing from elsewhere, nothing inline: a text that slips into a page as markup can load, run and send nothing.
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
      xFrameOptions: 'DENY',
      // It would bind every other port of this host too: that is for whoever answers for the whole host, the proxy.
      strictTransportSecurity: false,
    }),
  )
  app.use(async (c, next) => {
    await next()
    // Of HEAD nobody reads the body: a file would stay open for good, and a stream wait for its reader.
    if (c.req.method === 'HEAD') await c.res.body?.cancel()
    // What may be kept says so itself.
    if (!c.res.headers.has('Cache-Control')) c.header('Cache-Control', 'no-store')
  })
  app.notFound((c) => c.json(refusal(pageUnknown()), 404))
  app.onError((thrown, c) => {
    const error = asTesseraError(thrown)
    const status = statusOf(error.code)
    if (status === 500) log.error('request.failed', { code: error.code, reason: error.message })
    return c.json(refusal(error), status)
  })
  return app
}

/** For node:http's servers. */
export function listener(app: WebApp): ReturnType<typeof getRequestListener> {
  // Without taking the place of Node's own Request and Response, which the rest of the process uses.
  return getRequestListener(app.fetch, { overrideGlobalObjects: false })
}

/** The body of a refusal. What broke inside is for the log, not for who asked. */
function refusal({ code, message }: TesseraError): { code: string; message: string } {
  return { code, message: code === 'ERR_INTERNAL' ? 'internal: the log says what failed' : message }
}

function pageUnknown(): TesseraError {
  return new TesseraError('ERR_PAGE_UNKNOWN', 'address must be one of this server, got another')
}
