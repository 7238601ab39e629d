/** @file Where the dashboard of a running agent is: on this machine's loopback, and nowhere else. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { z } from 'zod'

export interface Listen {
  readonly host: '127.0.0.1' | '::1'
  /** 0: any that is free. */
  readonly port: number
}

/** `8470`, `127.0.0.1:8470` or `[::1]:8470`. @throws {TesseraError} ERR_USAGE for any other address: what is here is for this machine's people only. */
export function parseListen(text: string): Listen {
  const found = /^(?:(127\.0\.0\.1|\[::1\]):)?(\d{1,5})$/.exec(text)
  const port = Number(found?.[2])
  if (found !== null && port <= 65_535) return { host: found[1] === '[::1]' ? '::1' : '127.0.0.1', port }
  throw new TesseraError(
    'ERR_USAGE',
    `dashboard must listen on 127.0.0.1 or [::1] of this machine, as in 127.0.0.1:8470, got ${text}: from elsewhere, use an SSH tunnel`,
  )
}

const stored = z.strictObject({ url: z.url({ protocol: /^http$/ }) })

/** What a running agent leaves for `tessera site dashboard`. */
export function addressFile(dir: string): string {
  return join(dashboardFolder(dir), 'address.json')
}

/** One-time links, by their hashes. */
export function linkFolder(dir: string): string {
  return join(dashboardFolder(dir), 'links')
}

export function sessionFile(dir: string): string {
  return join(dashboardFolder(dir), 'sessions.json')
}

function dashboardFolder(dir: string): string {
  return join(dir, 'dashboard')
}

/** The page's address; null: no agent with a dashboard runs in this folder, or none has ended cleanly. */
export async function readAddress(dir: string): Promise<string | null> {
  try {
    return stored.parse(JSON.parse(await readFile(addressFile(dir), 'utf8'))).url
  } catch {
    return null
  }
}
