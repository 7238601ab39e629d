/**
 * @file Sessions of people who have signed in. The browser has a secret in a cookie, this side its hash; they are kept in a file, so that a restart signs nobody
 * out.
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { writeDurably } from '../files/index.ts'
import { sha256Hex } from '../security/index.ts'
import { type Person, person } from './roles.ts'

/** Without a sign of life: a browser that was left open in a meeting room. A page that is open and live gives one. */
export const SESSION_IDLE_MS: number = 60 * 60_000
/** In all: a working day. */
export const SESSION_LIFETIME_MS: number = 12 * 60 * 60_000
/** A consortium has some dozen operators; the oldest makes room. */
const MAX_SESSIONS = 1000
/** A sign of life is written down this often, and not at every request. */
const SAVE_EVERY_MS = 5 * 60_000

const session = z.strictObject({ ...person.shape, hash: z.string(), beganAtMs: z.int(), seenAtMs: z.int() })
type Stored = z.infer<typeof session>
const file = z.array(session).max(MAX_SESSIONS)

export interface Session extends Person {
  /** Of the secret: names the session where the secret must not stand. */
  readonly hash: string
  /** However much it is used. */
  readonly endsAtMs: number
}

export interface Sessions {
  /** Begins one and gives the cookie's secret, always a new one: what a browser brings along before is never taken over. */
  begin(person: Person): Promise<{ secret: string; session: Session }>
  /** Gives the session of a cookie and counts as its sign of life; null when there is none, or it has ended. */
  find(secret: string | undefined): Session | null
  end(session: Session): Promise<void>
  /** Fulfilled when nothing is being written any more. */
  close(): Promise<void>
}

/**
 * Opens the sessions in `path`. One that cannot be read is as good as none: everybody signs in anew.
 * @throws {TesseraError} ERR_STORE_WRITE, from `begin` and `end`.
 */
export async function openSessions(path: string, clock: Clock): Promise<Sessions> {
  const sessions = new Map((await readSessions(path)).map((stored) => [stored.hash, stored]))
  let savedAtMs = clock.now()
  let saving: Promise<void> = Promise.resolve()

  const isOver = ({ beganAtMs, seenAtMs }: Stored): boolean =>
    clock.now() >= beganAtMs + SESSION_LIFETIME_MS || clock.now() >= seenAtMs + SESSION_IDLE_MS
  const write = async (): Promise<void> => {
    savedAtMs = clock.now()
    for (const [hash, stored] of sessions) if (isOver(stored)) sessions.delete(hash)
    await writeDurably(path, JSON.stringify([...sessions.values()]))
  }
  /** One after the other: an older state must not come last. */
  const save = (): Promise<void> => {
    const written = saving.then(write)
    saving = written.catch(() => undefined)
    return written
  }
  const shown = ({ role, name, hash, beganAtMs }: Stored): Session => ({
    role,
    name,
    hash,
    endsAtMs: beganAtMs + SESSION_LIFETIME_MS,
  })
  return {
    async begin({ role, name }) {
      const secret = randomBytes(32).toString('base64url')
      const nowMs = clock.now()
      const stored = { role, name, hash: sha256Hex(secret), beganAtMs: nowMs, seenAtMs: nowMs }
      // In the order of their beginnings: the first is the oldest.
      const [oldest] = sessions.keys()
      if (sessions.size >= MAX_SESSIONS && oldest !== undefined) sessions.delete(oldest)
      sessions.set(stored.hash, stored)
      await save()
      return { secret, session: shown(stored) }
    },
    find(secret) {
      const stored = secret === undefined ? undefined : sessions.get(sha256Hex(secret))
      if (stored === undefined || isOver(stored)) return null
      sessions.set(stored.hash, { ...stored, seenAtMs: clock.now() })
      // A lost sign of life costs somebody a signing in, a failed request would cost more.
      if (clock.now() >= savedAtMs + SAVE_EVERY_MS) save().catch(() => undefined)
      return shown(stored)
    },
    async end({ hash }) {
      sessions.delete(hash)
      await save()
    },
    close: () => saving,
  }
}

async function readSessions(path: string): Promise<Stored[]> {
  try {
    return file.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    return []
  }
}
