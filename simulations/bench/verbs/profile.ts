/** @file The verb `profile`: where PyTorch's eager step spends its time, by operator. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { TesseraError } from '@tessera/shared/errors'
import { contenderSpec, type Work } from '../contenders.ts'
import { findPython } from '../peers.ts'
import type { Size } from '../sizes.ts'

export interface ProfileFlags {
  readonly size: readonly Size[]
  readonly evaluate?: true
  readonly threads: number
  readonly python?: string
}

/** @throws {TesseraError} ERR_BENCH_PEER if PyTorch is not there or fails. */
export async function profilePeer({ size: sizes, evaluate, threads, python }: ProfileFlags): Promise<void> {
  const { command } = await findPython(python)
  const work: Work = evaluate === true ? 'evaluate' : 'step'
  for (const size of sizes) {
    const spec = contenderSpec('torch', { work, size, threads, python: command, masking: true })
    const child = spawn(spec.command, [...spec.args, '--profile'], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    const [status] = (await once(child, 'close')) as [number | null]
    if (status !== 0) throw new TesseraError('ERR_BENCH_PEER', `profile must end well, got status ${status}`)
  }
}
