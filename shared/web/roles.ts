/** @file Who may do what on a dashboard. */
import { z } from 'zod'

/** A viewer sees everything and changes nothing. */
export const role = z.enum(['operator', 'viewer'])
export type Role = z.infer<typeof role>

/** Whoever has signed in. `name`: for the log. */
export const person = z.strictObject({ role, name: z.string().min(1).max(128) })
export type Person = z.infer<typeof person>
