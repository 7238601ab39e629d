/**
 * @file Speed of the engine's kernels on this machine: the verb `kernels`.
 *
 * Prints GFLOP/s (or ms) of each kernel, ours beside the stock back end's, and images/s of a training step. The best of several
 * runs, by the processor time of this process: other work on the machine counts little. Not a test: nothing is expected.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { KERNELS, type KernelCase } from './kernel-cases.ts'
import { trainingStepMs } from './small-step.ts'

const RUNS = 15
const BATCH = 32

/** Best processor time of a piece of work, in ms. */
function bestMs(work: () => void, runs: number = RUNS): number {
  work()
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < runs; i++) {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / 1000)
  }
  return best
}

/** ms of each case, null where the back end that runs has no kernel for it. */
export function measureKernels(): (number | null)[] {
  return KERNELS.map((kernel) => {
    const inputs = kernel.inputs()
    try {
      return bestMs(() => tf.tidy(() => void kernel.run(inputs)))
    } catch {
      return null
    } finally {
      tf.dispose(inputs)
    }
  })
}

/** The same measurements in a process of its own that never registers our kernels. */
async function stockMs(): Promise<(number | null)[]> {
  const file = fileURLToPath(new URL('stock-kernels.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, file])
  return JSON.parse(stdout) as (number | null)[]
}

function speed({ gigaflops }: KernelCase, ms: number | null): string {
  if (ms === null) return 'none'
  return gigaflops === null ? `${ms.toFixed(2)} ms` : `${((gigaflops / ms) * 1000).toFixed(1)} GFLOP/s`
}

/** Prints the table. */
export async function printKernels(): Promise<void> {
  const { description } = await startEngine()
  process.stdout.write(`${description}, Node ${process.version}\n\n`)
  const [own, stock] = [measureKernels(), await stockMs()]
  process.stdout.write(`${'kernel'.padEnd(52)}${'stock'.padStart(16)}${'ours'.padStart(16)}\n`)
  for (const [i, kernel] of KERNELS.entries()) {
    const [before, now] = [stock[i] ?? null, own[i] ?? null].map((ms) => speed(kernel, ms).padStart(16))
    process.stdout.write(`${kernel.name.padEnd(52)}${before}${now}\n`)
  }
  process.stdout.write('\ntraining step, EfficientNet width 0.25 depth 0.34, forward, backward and SGD\n')
  for (const sizePx of [48, 64]) {
    const ms = trainingStepMs({ batch: BATCH, sizePx }, bestMs)
    const rate = ((BATCH / ms) * 1000).toFixed(0)
    process.stdout.write(`${BATCH} x ${sizePx}²: ${ms.toFixed(1)} ms a step, ${rate} images/s\n`)
  }
}
