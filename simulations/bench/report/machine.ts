/** @file Describes the machine that a figure was measured on. */
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, type as osType, release, totalmem } from 'node:os'
import { z } from 'zod'

export const machine = z.strictObject({
  /** Name of the processor, as it gives it. */
  cpu: z.string(),
  /** Cores that this process may use. */
  cores: z.int().positive(),
  /** Vector instructions that decide how fast numbers can be; empty where the system does not list them. */
  vectors: z.array(z.string()),
  memoryBytes: z.int().positive(),
  os: z.string(),
  node: z.string(),
  /** Processes that wanted a core in the minute before: above 1 before a contest begins, its figures are noisy. */
  load: z.number().nonnegative(),
})
export type Machine = z.infer<typeof machine>

const TELLING = [
  'avx',
  'avx2',
  'fma',
  'avx512f',
  'avx512_vnni',
  'avx512_bf16',
  'amx_tile',
  'neon',
  'asimd',
  'sve',
]

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    vectors: vectorFlags(),
    memoryBytes: totalmem(),
    os: `${osType()} ${release()}`,
    node: process.version,
    load: loadavg()[0] ?? 0,
  }
}

function vectorFlags(): string[] {
  try {
    const text = readFileSync('/proc/cpuinfo', 'utf8')
    const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/))
    return TELLING.filter((flag) => flags.has(flag))
  } catch {
    return []
  }
}
