/** @file Who may read what a program tells of itself. */
import { isLoopback } from '../protocol/loopback.ts'

/** True for who asks from this machine, and under its own name: a page of the web whose name leads to 127.0.0.1 asks from here too. */
export function isFromHere(address: string | undefined, host: string | undefined): boolean {
  return isLoopback(address?.replace(/^::ffff:/i, '') ?? '') && isLoopback(host?.replace(/:\d+$/, '') ?? '')
}
