/** @file What the dashboards of a coordinator and of a site have in common on the server's side: HTTP, signing in, and what keeps strangers out. */
export { createWebApp, listener, type WebApp, type WebContext } from './app.ts'
export { BODY_PAUSE_MS, bodyParts, JSON_WITHIN_MS, MAX_JSON_BYTES, readJson } from './body.ts'
export { clientAddress } from './client-address.ts'
export { oidcCookie, type SessionCookie, sessionCookie } from './cookie.ts'
export { LINK_LIFETIME_MS, makeLink, takeLink } from './links.ts'
export { type Asked, assertOwnName, assertOwnPage, type OwnPages, ownPagesOnly } from './own-pages.ts'
export { createRateLimit, type RateLimit } from './rate-limit.ts'
export { type Person, person, type Role, role } from './roles.ts'
export {
  openSessions,
  SESSION_IDLE_MS,
  SESSION_LIFETIME_MS,
  type Session,
  type Sessions,
} from './sessions.ts'
export { readStaticFiles, type StaticFiles, serveStatic } from './static-files.ts'
export { type Status, statusOf } from './status.ts'
