/**
 * @file SIGKILL at every step by which coordinator and agent make something durable, and the final student is the undisturbed one to the bit.
 * A few steps by default; all of them, some minutes, with `npm run faults`.
 */
import { test } from 'vitest'
import { ALL_MS, agentKilled, coordinatorKilled, expectUnmoved } from './scenarios.ts'

/** Steps of each program by default. */
const FEW = 4

test.each([
  ['a coordinator', coordinatorKilled, 20],
  ['an agent', agentKilled, 10],
] as const)(
  '%s that is killed at any durable step goes on by itself to the same student',
  (_, scenario, least) => expectUnmoved(scenario, { least, few: FEW }),
  ALL_MS,
)
