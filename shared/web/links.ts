/**
 * @file One-time links: a command writes a file that knows the link's hash, and the program that serves the pages takes it away when the link is used.
 * Whoever may write into the folder may sign in, and nobody else; what stands in it opens nothing.
 */
import { randomBytes } from 'node:crypto'
import { readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { TesseraError } from '../errors.ts'
import { isMissing, writeDurably } from '../files/index.ts'
import { sha256Hex } from '../security/index.ts'
import { type Person, person } from './roles.ts'

/** From the command to the browser that stands beside it, or the message to a colleague. */
export const LINK_LIFETIME_MS: number = 10 * 60_000
/** 256 bits in base64url: nobody guesses one, however many are out. */
const SECRET = /^[A-Za-z0-9_-]{43}$/
const EXTENSION = '.json'

const stored = z.strictObject({ ...person.shape, expiresAtMs: z.int().min(0) })

/** Makes a link for `person` and gives its secret, which is kept nowhere. @throws {TesseraError} ERR_STORE_WRITE */
export async function makeLink(
  folder: string,
  { role, name }: Person,
  clock: Clock,
): Promise<{ secret: string; expiresAtMs: number }> {
  await removeExpired(folder, clock.now())
  const secret = randomBytes(32).toString('base64url')
  const expiresAtMs = clock.now() + LINK_LIFETIME_MS
  await writeDurably(fileOf(folder, secret), JSON.stringify({ role, name, expiresAtMs }))
  return { secret, expiresAtMs }
}

/** Uses a link up and gives whom it is for. @throws {TesseraError} ERR_LINK_INVALID, the same whether it was never there, is used, or has expired. */
export async function takeLink(folder: string, secret: string, clock: Clock): Promise<Person> {
  const refused = new TesseraError(
    'ERR_LINK_INVALID',
    'link must be new and unused, got another: make one with the command',
  )
  if (!SECRET.test(secret)) throw refused
  const file = fileOf(folder, secret)
  const taken = `${file}.taken`
  // Of two who use it at once, the file system lets one have it.
  await rename(file, taken).catch((cause: unknown) => {
    throw isMissing(cause) ? refused : cause
  })
  const link = await read(taken)
  await rm(taken, { force: true })
  if (link === null || link.expiresAtMs <= clock.now()) throw refused
  return { role: link.role, name: link.name }
}

async function removeExpired(folder: string, nowMs: number): Promise<void> {
  const files = await readdir(folder).catch(() => [])
  for (const file of files.filter((name) => name.endsWith(EXTENSION))) {
    const link = await read(join(folder, file))
    if (link === null || link.expiresAtMs <= nowMs) await rm(join(folder, file), { force: true })
  }
}

async function read(file: string): Promise<z.infer<typeof stored> | null> {
  try {
    return stored.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return null
  }
}

function fileOf(folder: string, secret: string): string {
  return join(folder, `${sha256Hex(secret)}${EXTENSION}`)
}
