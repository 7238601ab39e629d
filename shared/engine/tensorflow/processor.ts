/**
 * @file What this machine's processor is and can do: the addon is compiled for exactly that (`-march=native`), so an engine that was built
 * elsewhere may hold instructions that end the process.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'

export interface Processor {
  readonly model: string
  /** Instruction sets, sorted, as the system names them: `avx2`, `fma`. Empty where the system does not tell. */
  readonly features: readonly string[]
}

/** Names of instruction sets that a compiler uses. The system lists other things beside them, which a new kernel may change. */
const INSTRUCTION_SETS =
  /^(sse|ssse|pni$|avx|fma|f16c|bmi|abm$|popcnt|movbe|adx|amx|aes|vaes|p?clmul|vpclmul|pclmulqdq|sha|gfni|xop|tbm|rdrnd|rdseed|clwb|clflushopt|prefetchw|3dnowprefetch|serialize|movdir|xsave)/

/** This machine's processor. */
export function readProcessor(): Processor {
  const model = cpus()[0]?.model ?? 'unknown'
  return { model, features: process.platform === 'linux' ? featuresOf(readCpuInfo()) : [] }
}

/**
 * Instruction sets in the text of `/proc/cpuinfo`: the line `flags` (x64) or `Features` (arm64) of the first processor.
 * On arm64 every feature is an instruction set.
 */
export function featuresOf(cpuInfo: string): string[] {
  const [, name, words = ''] = /^(flags|Features)\s*:(.*)$/m.exec(cpuInfo) ?? []
  const all = words.split(' ').filter((word) => word !== '')
  return all.filter((word) => name === 'Features' || INSTRUCTION_SETS.test(word)).toSorted()
}

/** Hash that is equal exactly when two processors have the same instruction sets. */
export function featureHash({ model, features }: Processor): string {
  // Where the system does not list them, the model's name stands for them.
  const words = features.length > 0 ? features : [model]
  return createHash('sha256').update(words.join(' ')).digest('hex')
}

/** True when an engine that was built for the processor of `features` (a {@link featureHash}) may run on this one. */
export function fitsProcessor(features: string, here: Processor): boolean {
  return featureHash(here) === features
}

function readCpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return ''
  }
}
