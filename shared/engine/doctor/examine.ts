/** @file Examines the machine for `tessera doctor`: starts the engine, times it, and looks for what is missing. */
import { cpus } from 'node:os'
import { asTesseraError, type TesseraError } from '../../errors.ts'
import { type Engine, startEngine } from '../start.ts'
import type { Run } from '../tensorflow/install/run.ts'
import type { Machine } from '../tensorflow/install/target.ts'
import { type Advice, adviseOn } from './advice.ts'
import { type KernelSpeed, timeKernels } from './kernels.ts'
import { estimateLimits, type Limits, measureLimits } from './limits.ts'
import { inspectNative, type NativeState } from './native.ts'
import { lookAround, type Surroundings } from './surroundings.ts'

export interface Examination {
  readonly engine: Engine | null
  /** Why no engine runs. */
  readonly failure: TesseraError | null
  /** Why it is this engine. */
  readonly why: string
  readonly native: NativeState
  readonly speeds: readonly KernelSpeed[]
  /** Null when nothing is known of the processor's speed. */
  readonly limits: Limits | null
  readonly machine: Machine
  readonly surroundings: Surroundings
  readonly advice: Advice
}

export interface ExamineWorld {
  readonly run: Run
  readonly machine: Machine
  readonly env: Readonly<Record<string, string | undefined>>
  readonly folder: string
  /** Milliseconds of a clock that never goes back. */
  readonly nowMs: () => number
}

/** Time for each of three kernels. With the probe (1.3 s) and the engine's start all stays below 15 s on a busy machine. */
const KERNEL_BUDGET_MS = 500

/** Examines this machine. An engine that does not start is a finding, not an error. */
export async function examine({ run, machine, env, folder, nowMs }: ExamineWorld): Promise<Examination> {
  const native = await inspectNative(folder)
  const surroundings = await lookAround(run, env, folder)
  const limits =
    (await measureLimits(run, env, folder, machine)) ??
    estimateLimits(machine.processor.features, machine.arch, cpus()[0]?.speed ?? 0, machine.cores)
  let engine: Engine | null = null
  let failure: TesseraError | null = null
  try {
    engine = await startEngine()
  } catch (thrown) {
    failure = asTesseraError(thrown)
  }
  const choice = env.TESSERA_ENGINE === '' ? undefined : env.TESSERA_ENGINE
  return {
    engine,
    failure,
    why: reasonFor(engine, failure, native, choice),
    native,
    speeds: engine === null ? [] : timeKernels(nowMs, KERNEL_BUDGET_MS, native.manifest?.gpu === true),
    limits,
    machine,
    surroundings,
    advice: adviseOn({ engine: engine?.name ?? null, native, machine, surroundings, choice }),
  }
}

function reasonFor(
  engine: Engine | null,
  failure: TesseraError | null,
  native: NativeState,
  choice: string | undefined,
): string {
  if (engine === null) return failure?.message ?? 'unknown'
  if (choice !== undefined && choice !== 'auto') return `TESSERA_ENGINE asks for it`
  if (engine.name === 'tensorflow') return 'the native engine is installed, and it loads'
  return engine.passedOver ?? native.fault ?? 'no native engine is installed'
}
