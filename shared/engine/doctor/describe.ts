/** @file An examination in words, for a terminal of 80 columns. */
import type { Examination } from './examine.ts'
import type { KernelSpeed } from './kernels.ts'
import { type Limits, leastSeconds } from './limits.ts'

const WIDTH = 80
const LABEL = 11
/** Instruction sets that say most about speed. */
const TELLING = ['sse4_1', 'avx', 'avx2', 'fma', 'avx512f', 'avx512_bf16', 'amx_bf16', 'asimd', 'sve']

/** The whole examination; every line has at most 80 characters, except where one word is longer. */
export function describeExamination(found: Examination): string {
  const { engine, why, native, machine, surroundings, advice, limits, speeds } = found
  const { processor, cores } = machine
  const features = TELLING.filter((name) => processor.features.includes(name)).join(' ')
  const lines = [
    ...row('engine', engine === null ? 'none runs' : engine.description.replace(/^engine: /, '')),
    ...row('why', why),
    ...(native.manifest === null ? [] : row('native', describeNative(found))),
    '',
    ...speedTable(speeds, limits),
    '',
    ...row(
      'processor',
      `${processor.model}, ${cores} ${cores === 1 ? 'core' : 'cores'}${features && `: ${features}`}`,
    ),
    ...row(
      'memory',
      `${gigabytes(surroundings.memoryBytes)}, ${gigabytes(surroundings.freeMemoryBytes)} free`,
    ),
    ...row('disk', `${gigabytes(surroundings.freeDiskBytes)} free for ${native.folder}`),
    ...row('GPU', surroundings.gpu ?? 'none seen'),
    ...row('compiler', surroundings.compiler ?? 'none'),
    ...row('pip', surroundings.pip ?? 'none'),
    '',
    ...row('missing', advice.missing.length === 0 ? 'nothing' : advice.missing.join(', ')),
    ...advice.next.flatMap((command, i) => row(i === 0 ? 'next' : '', command)),
  ]
  return `${lines.join('\n')}\n`
}

function describeNative({ native }: Examination): string {
  if (native.manifest === null) return 'none'
  const { tensorflow, gpu, compiler, node } = native.manifest
  const age = native.outdated ? '; its sources have changed since' : ''
  return `TensorFlow ${tensorflow.version}${gpu ? ' with CUDA' : ''}, built by ${compiler.version}, Node ${node}${age}`
}

function speedTable(speeds: readonly KernelSpeed[], limits: Limits | null): string[] {
  const columns = (name: string, reached: string, limit: string, share: string): string =>
    `  ${name.padEnd(34)}${reached.padStart(13)}${limit.padStart(15)}${share.padStart(8)}`
  const rows = speeds.map((speed) => {
    const rate = (seconds: number): string =>
      speed.flops === 0
        ? `${significant(speed.bytes / seconds / 1e9)} GB/s`
        : `${significant(speed.flops / seconds / 1e9)} GFLOP/s`
    const least = leastSeconds(speed, limits)
    const share = least === null ? '' : `${Math.round((100 * least) / speed.seconds)} %`
    return columns(speed.name, rate(speed.seconds), least === null ? 'not known' : rate(least), share)
  })
  return [
    columns('speed', 'reached', 'limit here', 'share').replace('  speed', 'speed  '),
    ...rows,
    ...wrap(describeLimits(limits), WIDTH - 2).map((line) => `  ${line}`),
  ]
}

function describeLimits(limits: Limits | null): string {
  if (limits === null) return 'limits not known: no probe, no compiler to build it, and no clock to go by'
  const memory =
    limits.bytesPerSecond === null ? '' : `, memory ${significant(limits.bytesPerSecond / 1e9)} GB/s`
  return `limits ${limits.source}: ${significant(limits.flops / 1e9)} GFLOP/s${memory}`
}

function row(label: string, text: string): string[] {
  return wrap(text, WIDTH - LABEL).map((line, i) => (i === 0 ? label : '').padEnd(LABEL) + line)
}

/** Breaks a text between words so that no line is longer than `width`. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/ (?! )/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`

/** Two digits that count: 236, 89, 8.9. */
function significant(value: number): string {
  return value >= 10 ? String(Math.round(value)) : value.toFixed(1)
}
