/** @file The connection string of a PostgreSQL store: which ones are taken, and how they are shown. */
import { z } from 'zod'

/** What a string may say beside host, user, password and database. Others could change what the store relies on. */
const PARAMETERS: ReadonlySet<string> = new Set(['host', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey'])

/** As PostgreSQL's own tools take it: `postgresql://user:password@host:port/database?sslmode=verify-full`. */
export const postgresUrl = z
  .string()
  // A longer one than any file name and password need.
  .max(2048)
  .refine(
    isPostgresUrl,
    'must be postgresql://USER:PASSWORD@HOST/DATABASE, and name no other parameters than '.concat(
      [...PARAMETERS].join(', '),
    ),
  )

function isPostgresUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, pathname, searchParams } = new URL(text)
  return (
    (protocol === 'postgres:' || protocol === 'postgresql:') &&
    /^\/[^/]+$/.test(pathname) &&
    [...searchParams.keys()].every((key) => PARAMETERS.has(key))
  )
}

/** The string for people: without its password. */
export function maskedUrl(text: string): string {
  const url = new URL(text)
  if (url.password !== '') url.password = '***'
  return url.href
}
