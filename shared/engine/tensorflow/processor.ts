/**
 * @file What this machine's processor is and can do: the addon is compiled for exactly that (`-march=native`), or for a family of processors, so an
 * engine that was built elsewhere may hold instructions that end the process.
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

/**
 * What an engine is built for that has to run elsewhere, in an image or a bundle: not what the building machine happens to have, but what a family of
 * processors has. x86-64-v3 (System V ABI for x86-64, 3.1.1): Intel since Haswell, 2013, AMD since Excavator, 2015.
 */
export const X64_V3: Processor = {
  model: 'x86-64-v3',
  features: 'abm avx avx2 bmi1 bmi2 f16c fma movbe popcnt sse4_1 sse4_2 ssse3 xsave'.split(' '),
}
/** What every 64-bit ARM processor has. */
export const ARM64: Processor = { model: 'armv8-a', features: ['asimd', 'fp'] }

/** True when an engine that was built for the processor of `features` (a {@link featureHash}) may run on this one. */
export function fitsProcessor(features: string, here: Processor): boolean {
  const family = [X64_V3, ARM64].find((one) => featureHash(one) === features)
  if (family) return family.features.every((name) => here.features.includes(name))
  return featureHash(here) === features
}

function readCpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return ''
  }
}
