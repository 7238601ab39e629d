/** @file Says in one line why a value does not fit its schema, without repeating the value. */
import type { z } from 'zod'
import { printable } from '../printable.ts'

/** Longest line: a peer chooses how many faults its message has, and the line is logged and sent back. */
const MAX_CHARACTERS = 300

/** Path and rule of the first faults, as `round: Invalid input: expected number, received string; …`. */
export function explain(error: z.ZodError): string {
  const faults = error.issues.map((issue) => {
    const path = issue.path.map(String).join('.')
    return path === '' ? issue.message : `${path}: ${issue.message}`
  })
  return printable(faults.join('; '), MAX_CHARACTERS)
}
