/** @file The verb `physics`: what this machine can do at most, and what that allows for the step and the evaluation of each size. */
import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { TesseraError } from '@tessera/shared/errors'
import { z } from 'zod'
import { findPython, peerFile } from '../peers.ts'
import { describeMachine } from '../report/machine.ts'
import { type Size, sizeText } from '../sizes.ts'
import {
  evaluationLoad,
  leastSeconds,
  type Peak,
  stepLoad,
  totalLoad,
  type WorkLoad,
} from '../work-of-step.ts'

export interface PhysicsFlags {
  readonly size: readonly Size[]
  readonly threads?: number
  readonly python?: string
}

const measured = z.record(
  z.string(),
  z.strictObject({
    gemmGflops: z.number().positive(),
    copyGBs: z.number().positive(),
    triadGBs: z.number().positive(),
    cachedCopyGBs: z.number().positive(),
  }),
)

/** @throws {TesseraError} ERR_BENCH_PEER if PyTorch is not there or fails. */
export async function measurePhysics({
  size: sizes,
  threads = availableParallelism(),
  python,
}: PhysicsFlags): Promise<void> {
  const { command } = await findPython(python)
  const found = await measure(command, threads)
  const { cpu, cores, load } = describeMachine()
  process.stdout.write(
    `${cpu}, ${cores} cores, load ${load.toFixed(1)}\n\nthreads   sgemm 2048³   copy      triad     copy of 1 MiB\n`,
  )
  for (const [count, { gemmGflops, copyGBs, triadGBs, cachedCopyGBs }] of Object.entries(found)) {
    const columns = [
      `${gemmGflops.toFixed(0)} GFLOP/s`.padEnd(14),
      ...[copyGBs, triadGBs, cachedCopyGBs].map((rate) => `${rate.toFixed(1)} GB/s`.padEnd(10)),
    ]
    process.stdout.write(`${count.padEnd(10)}${columns.join('')}\n`)
  }
  const best = found[String(threads)]
  if (best === undefined)
    throw new TesseraError('ERR_BENCH_PEER', `physics must measure ${threads} threads, got none`)
  const memory: Peak = {
    flopsPerSecond: best.gemmGflops * 1e9,
    bytesPerSecond: Math.max(best.copyGBs, best.triadGBs) * 1e9,
  }
  const cached: Peak = { ...memory, bytesPerSecond: best.cachedCopyGBs * 1e9 }
  process.stdout.write(
    '\n                    GFLOP     GB   at most, images/s: from memory   from cache   if only computing counted\n',
  )
  for (const size of sizes) {
    line('step', size, stepLoad(size, 512, 16_384), memory, cached)
    line('evaluate', size, evaluationLoad(size), memory, cached)
  }
}

function line(name: string, size: Size, loads: readonly WorkLoad[], memory: Peak, cached: Peak): void {
  const { flops, bytes } = totalLoad(loads)
  const rate = (seconds: number): string => (size.batch / seconds).toFixed(0)
  const computing = flops / memory.flopsPerSecond
  process.stdout.write(
    `${`${name} ${sizeText(size)}`.padEnd(18)}${(flops / 1e9).toFixed(1).padStart(7)}${(bytes / 1e9).toFixed(2).padStart(7)}${rate(leastSeconds(loads, memory)).padStart(33)}${rate(leastSeconds(loads, cached)).padStart(13)}${rate(computing).padStart(28)}\n`,
  )
}

async function measure(command: string, threads: number): Promise<z.infer<typeof measured>> {
  try {
    const { stdout } = await promisify(execFile)(command, [
      peerFile('physics.py'),
      '--threads',
      String(threads),
    ])
    return measured.parse(JSON.parse(stdout))
  } catch (cause) {
    throw new TesseraError('ERR_BENCH_PEER', 'physics must be measured by PyTorch, got a failure', { cause })
  }
}
