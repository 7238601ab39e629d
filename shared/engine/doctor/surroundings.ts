/** @file What an engine finds around it: memory, disk, GPU, the tools to build one with. */
import { existsSync } from 'node:fs'
import { freemem, totalmem } from 'node:os'
import { findCompiler } from '../tensorflow/install/compiler.ts'
import { freeBytes } from '../tensorflow/install/disk.ts'
import { findPip } from '../tensorflow/install/fetch.ts'
import type { Run } from '../tensorflow/install/run.ts'

export interface Surroundings {
  readonly memoryBytes: number
  readonly freeMemoryBytes: number
  readonly freeDiskBytes: number
  /** Name of an NVIDIA GPU; null when none is seen. */
  readonly gpu: string | null
  /** Version of the C++ compiler, of pip; null when there is none. */
  readonly compiler: string | null
  readonly pip: string | null
}

/** Looks around. `run` starts the tools that are asked for their version. */
export async function lookAround(
  run: Run,
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
): Promise<Surroundings> {
  const [compiler, pip, gpu, freeDiskBytes] = await Promise.all([
    findCompiler(run, env).then(({ version }) => version, orNone),
    findPip(run).then(({ version }) => version, orNone),
    findGpu(run),
    freeBytes(folder),
  ])
  return { memoryBytes: totalmem(), freeMemoryBytes: freemem(), freeDiskBytes, gpu, compiler, pip }
}

/** A tool that is missing is a finding; a stop is not. */
function orNone(failure: { code?: string }): null {
  if (failure.code === 'ERR_ENGINE_COMPILER' || failure.code === 'ERR_ENGINE_PIP') return null
  throw failure
}

async function findGpu(run: Run): Promise<string | null> {
  const result = await run('nvidia-smi', ['--query-gpu=name', '--format=csv,noheader'])
  const name = result?.status === 0 ? (result.stdout.split('\n')[0]?.trim() ?? '') : ''
  if (name !== '') return name
  return existsSync('/proc/driver/nvidia/version') ? 'an NVIDIA GPU (nvidia-smi does not run)' : null
}
