/** @file How studies, sites and files are named. */
import { z } from 'zod'

/** A name that is also a folder name: lower-case letters, digits, `-` and `_`. */
export const name: z.ZodString = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be 1 to 63 of a-z, 0-9, - and _')
export const sha256: z.ZodString = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')
