/** @file Contenders for the referee's tests: they answer at once, with the seconds they are told to say. */
import { fileURLToPath } from 'node:url'
import type { ContenderSpec } from '../../../../simulations/bench/contest/contender.ts'

export interface ToyOptions {
  readonly name: string
  readonly seconds: number
  /** File that each start, run and end is noted in. */
  readonly trace?: string
  readonly fault?:
    | 'dies at start'
    | 'is silent'
    | 'talks nonsense'
    | 'does one step less'
    | 'dies in its second run'
    | 'ends when asked'
  /** Seconds of the parts of each step. */
  readonly parts?: Readonly<Record<string, readonly number[]>>
  /** Processor seconds of each run. */
  readonly processor?: Readonly<Record<string, number>>
}

export function toy(options: ToyOptions): ContenderSpec {
  const file = fileURLToPath(new URL('toy-contender.mjs', import.meta.url))
  return { name: options.name, command: process.execPath, args: [file, JSON.stringify(options)] }
}
