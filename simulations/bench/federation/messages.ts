/**
 * @file What a federation's contender and its processes say to each other: one JSON object a line.
 *
 *   process → contender   {"ready": "http://127.0.0.1:…"}   the coordinator listens; {"ready": ""}: the agents have begun
 *   contender → agents    {"train": 5}                      rounds up to this one may be trained
 *   agents → contender    {"reached": 6}                    every agent of the process holds the student of round 6 and would train
 *                         {"delivered": 6}                  … has the receipt of its delta
 *                         {"published": 6}                  … has the record of the round
 *
 * A process ends when its standard input does.
 */
import { z } from 'zod'

const round = z.int().positive()

export const trainMessage = z.strictObject({ train: round })

export const STAGES = ['reached', 'delivered', 'published'] as const
export type Stage = (typeof STAGES)[number]

export const hostMessage = z.union([
  z.strictObject({ ready: z.string() }),
  z.strictObject({ reached: round }),
  z.strictObject({ delivered: round }),
  z.strictObject({ published: round }),
])
export type HostMessage = z.infer<typeof hostMessage>
