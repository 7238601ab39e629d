/**
 * @file What a contest's referee and a contender's process say to each other: one JSON object a line.
 *
 *   contender → referee   {"ready": {"versions": {…}}}          once, when it could begin
 *   referee → contender   {"run": 5}                            do so many steps, now
 *   contender → referee   {"seconds": […], "losses": […], …}    when they are done
 *
 * A contender ends when its standard input does. `../peers/contender.py` says the same in Python.
 */
import { z } from 'zod'

export const readyMessage = z.strictObject({
  ready: z.strictObject({
    /** Versions and settings of what runs, for the record. */
    versions: z.record(z.string(), z.string()),
    pid: z.int().positive(),
  }),
})
export type Ready = z.infer<typeof readyMessage>['ready']

export const runMessage = z.strictObject({ run: z.int().positive() })

/** What a run took. */
export const doneMessage = z.strictObject({
  /** Wall time of each step. */
  seconds: z.array(z.number().nonnegative()),
  /** Loss of each step; empty where a step has none. */
  losses: z.array(z.number()),
  /** Of all that, how long the work waited for its data; absent where it needs none. */
  waitedSeconds: z.number().nonnegative().optional(),
  /** Seconds of the parts that a step is made of, each as long as {@link seconds}; absent where it is not told apart. */
  parts: z.record(z.string(), z.array(z.number().nonnegative())).optional(),
  /** Processor seconds of each kind of process that did the steps, all steps together; absent where nothing counts them. */
  processor: z.record(z.string(), z.number().nonnegative()).optional(),
  /** Largest resident memory during the run; null where the system cannot say. */
  stepPeakBytes: z.number().positive().nullable(),
  /** Largest resident memory since the process began, start and compilation included. */
  peakBytes: z.number().positive(),
})
export type Done = z.infer<typeof doneMessage>

/** What a contender measures itself. */
export type Taken = Pick<Done, 'seconds' | 'losses' | 'waitedSeconds' | 'parts' | 'processor'>
