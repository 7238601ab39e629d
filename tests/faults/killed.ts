/** @file One of our programs as a process that is killed at a given durable step and started again, until it has done its work. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../cli/tessera.mjs', import.meta.url))
const KILL_POINTS = new URL('./kill-points.mjs', import.meta.url).href
/** More than a scenario ever needs: one kill and one life to the end. */
const MOST_LIVES = 3

export interface Kill {
  /** Number of the durable step before which its first life ends; 0 counts the steps and kills nobody. */
  readonly at: number
  /** File that the program writes `NUMBER STEP` of its end to, or how many steps it took in all. */
  readonly report: string
}

export interface Lives {
  /** How often it was started. */
  readonly count: number
  /** What it wrote to the report: null when it had fewer steps than the one it was to be killed at. */
  readonly report: string | null
}

/**
 * Starts `tessera ...args`, and again when it was killed, until it ends by itself.
 * @param enough Settles when a server has done its work and is to be stopped.
 */
export async function supervise(
  args: readonly string[],
  kill: Kill,
  enough?: Promise<unknown>,
): Promise<Lives> {
  for (let count = 1; count <= MOST_LIVES; count++) {
    const child = start(args, count === 1 ? kill.at : -1, kill.report)
    let errors = ''
    child.stderr?.on('data', (text: Buffer) => (errors += text))
    // A server says when it listens. Before that it does not know how to stop: its work may be done when its second life begins.
    const listens = new Promise((resolve) => child.stdout?.once('data', resolve).resume())
    const stop = (): boolean => child.kill('SIGTERM')
    if (enough !== undefined) void Promise.allSettled([listens, enough]).then(stop)
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
    if (code === 0) return { count, report: await lastLine(kill.report) }
    if (signal !== 'SIGKILL')
      throw new Error(`tessera ${args.join(' ')} ended with ${code ?? signal}:\n${errors.slice(-2000)}`)
  }
  throw new Error(`tessera ${args.join(' ')} was killed more than once`)
}

/** A few, evenly spread, of 1 to `count`. TESSERA_FAULTS: how many, `all`, or from which to which, as `120-180`. */
export function chosen(count: number, few: number): number[] {
  const [, from, to] = /^(\d+)-(\d+)$/.exec(process.env.TESSERA_FAULTS ?? '') ?? []
  if (from !== undefined)
    return Array.from({ length: count }, (_, i) => i + 1).filter(
      (at) => at >= Number(from) && at <= Number(to),
    )
  const wanted = process.env.TESSERA_FAULTS ?? few
  const points = wanted === 'all' ? count : Math.min(Number(wanted), count)
  return Array.from({ length: points }, (_, i) => 1 + Math.floor(((i + 0.5) * count) / points))
}

function start(args: readonly string[], killAt: number, report: string): ChildProcess {
  return spawn(process.execPath, ['--import', KILL_POINTS, PROGRAM, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      KILL_AT: String(killAt),
      KILL_REPORT: report,
      TESSERA_ENGINE: 'wasm',
      TESSERA_THREADS: '1',
    },
  })
}

async function lastLine(report: string): Promise<string | null> {
  const text = await readFile(report, 'utf8').catch(() => '')
  return text.trimEnd().split('\n').at(-1) || null
}
