/** @file The contenders of the engine's contests: how each is started for a size. */
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { TesseraError } from '@tessera/shared/errors'
import type { ContenderSpec } from './contest/contender.ts'
import { peerFile } from './peers.ts'
import type { Size } from './sizes.ts'

/** Names as they are typed, and as people read them. The first three are ours. */
export const CONTENDERS = {
  tensorflow: 'Tessera, tensorflow',
  wasm: 'Tessera, wasm',
  cpu: 'TensorFlow.js cpu',
  torch: 'PyTorch eager',
  'torch-compile': 'PyTorch compile',
  'torch-autotune': 'PyTorch max-autotune',
} as const
export type ContenderName = keyof typeof CONTENDERS

export type Work = 'step' | 'evaluate'

export interface StartOptions {
  readonly work: Work
  readonly size: Size
  /** Cores that each contender may use. */
  readonly threads: number
  /** Python that has PyTorch; null when no contender needs it. */
  readonly python: string | null
  /** Dropout and stochastic depth on. */
  readonly masking: boolean
  /** File of the weights and batch to start from: ours write it, PyTorch reads it. */
  readonly startFile?: string | undefined
}

/** Reads names as they are typed, `wasm,torch`. @throws {TesseraError} ERR_USAGE if one is unknown or there twice. */
export function parseContenders(text: string): ContenderName[] {
  const names = text.split(',').map((part) => part.trim())
  const known = Object.keys(CONTENDERS)
  for (const [i, name] of names.entries()) {
    if (!known.includes(name) || names.indexOf(name) !== i) {
      throw new TesseraError(
        'ERR_USAGE',
        `contenders must be different ones of ${known.join(', ')}, got ${text}`,
      )
    }
  }
  return names as ContenderName[]
}

export function isPeer(name: ContenderName): boolean {
  return name.startsWith('torch')
}

/** How a contender is started. */
export function contenderSpec(name: ContenderName, options: StartOptions): ContenderSpec {
  return isPeer(name) ? torchSpec(name, options) : ownSpec(name, options)
}

function ownSpec(
  name: ContenderName,
  { work, size, threads, masking, startFile }: StartOptions,
): ContenderSpec {
  const args = ['--engine', name, '--size', `${size.batch}x${size.sidePx}`]
  const step = work === 'step'
  if (step && !masking) args.push('--no-masking')
  if (step && startFile !== undefined) args.push('--save-start', startFile)
  return ownProcess(name, step ? 'engine-step' : 'evaluate', args, threads)
}

/** A contender of ours, `contenders/<file>.ts`, in a process of its own. */
export function ownProcess(
  name: string,
  file: 'engine-step' | 'evaluate' | 'tiles' | 'aggregation' | 'federation',
  args: readonly string[],
  threads: number,
): ContenderSpec {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
  return {
    name,
    command: process.execPath,
    args: ['--import', tsx, fileURLToPath(new URL(`contenders/${file}.ts`, import.meta.url)), ...args],
    env: { TESSERA_THREADS: String(threads) },
  }
}

function torchSpec(name: ContenderName, options: StartOptions): ContenderSpec {
  const { work, size, threads, python, masking, startFile } = options
  if (python === null)
    throw new TesseraError('ERR_INTERNAL', `internal: ${name} must have a Python, got none`)
  const numbers = { batch: size.batch, size: size.sidePx, threads }
  return {
    name,
    command: python,
    args: [
      peerFile('moma_step.py'),
      ...Object.entries(numbers).flatMap(([key, value]) => [`--${key}`, String(value)]),
      '--mode',
      name.replace('torch-', '').replace('torch', 'eager'),
      ...(masking ? [] : ['--dropout', '0', '--stochastic-depth', '0']),
      ...(work === 'evaluate' ? ['--evaluate'] : []),
      ...(work === 'step' && startFile !== undefined ? ['--start', startFile] : []),
    ],
  }
}
