/** @file What the processor can reach at most: measured by a probe in C++, else estimated. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { TesseraError } from '../../errors.ts'
import { PROBE_FILE } from '../tensorflow/folder.ts'
import { probeCommand } from '../tensorflow/install/build-plan.ts'
import { findCompiler } from '../tensorflow/install/compiler.ts'
import type { Run } from '../tensorflow/install/run.ts'
import { PROBE_SOURCE } from '../tensorflow/install/sources.ts'
import { type Machine, targetOf } from '../tensorflow/install/target.ts'
import type { KernelSpeed } from './kernels.ts'

export interface Limits {
  /** Floating-point operations per second, all cores. */
  readonly flops: number
  /** Bytes read and written per second; null where it was not measured. */
  readonly bytesPerSecond: number | null
  /** How it is known, for the reader. */
  readonly source: string
}

const probeSchema = z.object({
  threads: z.int().positive(),
  vectorBytes: z.int().positive(),
  flops: z.number().positive(),
  bytesPerSecond: z.number().positive(),
})

/** The probe's measurement; null where there is no probe and no compiler to build it, or it does not run on this processor. */
export async function measureLimits(
  run: Run,
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
  machine: Machine,
): Promise<Limits | null> {
  if (existsSync(join(folder, PROBE_FILE))) return runProbe(run, join(folder, PROBE_FILE), machine.cores)
  const temporary = await mkdtemp(join(tmpdir(), 'tessera-probe-'))
  try {
    const target = targetOf(machine, false)
    const compiler = await findCompiler(run, env)
    const { command, args } = probeCommand({
      target,
      compiler,
      folder: temporary,
      sources: { probe: PROBE_SOURCE },
    })
    const built = await run(command, args)
    return built?.status === 0 ? await runProbe(run, join(temporary, PROBE_FILE), machine.cores) : null
  } catch (thrown) {
    if (thrown instanceof TesseraError && thrown.code.startsWith('ERR_ENGINE_')) return null
    throw thrown
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

async function runProbe(run: Run, probe: string, cores: number): Promise<Limits | null> {
  const result = await run(probe, [String(cores)])
  if (result?.status !== 0) return null
  const parsed = probeSchema.safeParse(parse(result.stdout))
  if (!parsed.success) return null
  const { threads, vectorBytes, flops, bytesPerSecond } = parsed.data
  const source = `measured by a probe: ${threads} threads, vectors of ${vectorBytes * 8} bits`
  return { flops, bytesPerSecond, source }
}

/**
 * An estimate, null where the system does not tell the clock: cores × clock × operations a cycle. Two units of the widest multiply-add that the instruction sets name are assumed: of AVX-512
 * too, which some processors have once. The clock is what the system says now.
 */
export function estimateLimits(
  features: readonly string[],
  arch: string,
  clockMhz: number,
  cores: number,
): Limits | null {
  if (clockMhz <= 0) return null
  const bits = features.includes('avx512f') ? 512 : features.includes('avx2') ? 256 : 128
  const fused = arch === 'arm64' || features.includes('fma')
  const perCycle = 2 * (bits / 32) * (fused ? 2 : 1)
  const source = `estimated: ${cores} cores × ${clockMhz} MHz × ${perCycle} operations a cycle`
  return { flops: cores * clockMhz * 1e6 * perCycle, bytesPerSecond: null, source }
}

/** Seconds that a kernel must take at least; null where nothing is known, or its limit is memory and that was not measured. */
export function leastSeconds({ flops, bytes }: KernelSpeed, limits: Limits | null): number | null {
  if (limits === null) return null
  if (limits.bytesPerSecond === null) return flops === 0 ? null : flops / limits.flops
  return Math.max(flops / limits.flops, bytes / limits.bytesPerSecond)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
