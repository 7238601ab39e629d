/** @file What is missing on this machine, and what to type next. */
import { TesseraError } from '../../errors.ts'
import { type Machine, targetOf } from '../tensorflow/install/target.ts'
import type { NativeState } from './native.ts'
import type { Surroundings } from './surroundings.ts'

export interface Advice {
  /** What stands in the way of a faster engine. */
  readonly missing: readonly string[]
  /** Commands, in their order; a sentence where there is none to type. */
  readonly next: readonly string[]
}

export interface Situation {
  /** Name of the engine that runs; null when none does. */
  readonly engine: string | null
  readonly native: NativeState
  readonly machine: Machine
  readonly surroundings: Surroundings
  /** Value of `TESSERA_ENGINE`; undefined when it is not set. */
  readonly choice: string | undefined
}

const INSTALL = 'npx tessera engine install'

/** What to do about a situation. */
export function adviseOn({ engine, native, machine, surroundings, choice }: Situation): Advice {
  if (engine === null) return { missing: ['an engine that starts'], next: ['npm ci'] }
  const { gpu, compiler, pip } = surroundings
  if (engine === 'tensorflow') {
    if (native.outdated) return { missing: [], next: [`${INSTALL}     # the engine's sources have changed`] }
    if (gpu !== null && native.manifest?.gpu === false)
      return { missing: ['CUDA for the GPU'], next: [`${INSTALL} --gpu`] }
    return { missing: [], next: ['nothing: the fastest engine runs'] }
  }
  const refusal = refusalOf(machine)
  if (refusal !== null) return { missing: [], next: [`nothing: ${refusal}`] }
  if (native.manifest !== null && choice !== undefined && choice !== 'auto')
    return { missing: [], next: ['unset TESSERA_ENGINE     # the native engine is installed'] }
  const missing = [
    'the native engine',
    ...(compiler === null ? ['a C++ compiler'] : []),
    ...(pip === null ? ['pip (or TensorFlow as a file)'] : []),
  ]
  const tools = [
    ...(compiler === null ? [COMPILER[machine.platform]] : []),
    ...(pip === null ? [PIP[machine.platform]] : []),
  ]
  return { missing, next: [...tools.filter((tool) => tool !== undefined), INSTALL] }
}

const COMPILER: Partial<Record<string, string>> = {
  linux: 'apt-get install g++     # or dnf install gcc-c++',
  darwin: 'xcode-select --install',
}
const PIP: Partial<Record<string, string>> = {
  linux: 'apt-get install python3-pip     # or dnf install python3-pip',
  darwin: 'brew install python',
}

/** Why this machine cannot have a native engine, or null. */
function refusalOf(machine: Machine): string | null {
  try {
    targetOf(machine, false)
    return null
  } catch (thrown) {
    if (thrown instanceof TesseraError) return thrown.message
    throw thrown
  }
}
