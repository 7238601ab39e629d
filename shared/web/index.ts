export { createWebApp, listener, type WebApp, type WebEnv } from './app.ts'
export { BODY_PAUSE_MS, bodyParts, JSON_WITHIN_MS, MAX_JSON_BYTES, readJson } from './body.ts'
export { type Status, statusOf } from './status.ts'
