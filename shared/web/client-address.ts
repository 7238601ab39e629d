/** @file Where a request or a connection comes from. */
import type { IncomingHttpHeaders } from 'node:http'
import { printable } from '../printable.ts'

/** An IPv6 address with a zone has 45 and more; what is longer is none. */
const MAX_CHARACTERS = 64

/** For the log, and to count by. A proxy's word is cut short and cleaned: whoever reaches the proxy chooses what it says. @param proxy There is one in front. */
export function clientAddress(address: string, headers: IncomingHttpHeaders, proxy: boolean): string {
  const forwarded = proxy ? String(headers['x-forwarded-for'] ?? '') : ''
  // The last entry is the proxy's own; those before it are whatever the client wrote.
  return printable(forwarded.split(',').at(-1)?.trim() || address, MAX_CHARACTERS)
}
