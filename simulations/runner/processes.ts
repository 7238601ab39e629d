/** @file The child processes of a run: started here, so that all of them can be stopped by their ids. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { TesseraError } from '@tessera/shared/errors'
import type { Task, TaskProgress, TaskResults } from './tasks.ts'
import { startWorker, takeWorker, type Worker } from './worker-process.ts'

const PROGRAM = fileURLToPath(new URL('../../cli/tessera.mjs', import.meta.url))
/** From the wish to stop until a process is killed: an agent ends its step and writes its state. */
const GRACE_MS = 5000

/** A `tessera` process that runs. */
export interface Program {
  /** Resolves at its end with status 0. Rejects at any other end, with the last line it wrote to its log. */
  readonly ended: Promise<void>
  /** Asks it to end, and kills it when it does not. */
  stop(): Promise<void>
}

export interface ProcessSet {
  /**
   * Does a task in a worker process, which does nothing else meanwhile; the next task may get the same one, whose engine runs already.
   * @param threads Of its engine. Default: the engine's own choice.
   */
  work<T extends Task>(
    task: T,
    onProgress: (progress: TaskProgress) => void,
    threads?: number,
  ): Promise<TaskResults[T['kind']]>
  /**
   * Starts `tessera ARGS`; what it writes goes to the log file and, line by line, to `onLine`.
   * @param atOnce Programs that compute at the same time: each engine gets its share of the processors. Default 1.
   */
  program(args: readonly string[], log: string, onLine: (line: string) => void, atOnce?: number): Program
  /** Ends every process that still runs. */
  stopAll(): Promise<void>
}

export function createProcessSet(): ProcessSet {
  const running = new Set<ChildProcess>()
  const idle: Worker[] = []
  let stopping = false
  const keep = <C extends ChildProcess>(child: C): C => {
    running.add(child)
    child.once('exit', () => running.delete(child))
    return child
  }
  const assertOpen = (): void => {
    if (stopping) throw interrupted()
  }

  return {
    async work<T extends Task>(task: T, onProgress: (progress: TaskProgress) => void, threads?: number) {
      assertOpen()
      const worker = takeWorker(idle, threads) ?? startWorker(threads, keep)
      const result = await worker.work(task, onProgress, (end) =>
        stopping ? interrupted() : internal(`worker must send a result, got ${end}`),
      )
      idle.push(worker)
      return result
    },

    program(args, log, onLine, atOnce = 1) {
      assertOpen()
      const env = { ...process.env, TESSERA_THREADS: threadsOf(atOnce, process.env.TESSERA_THREADS) }
      const child = keep(
        spawn(process.execPath, [PROGRAM, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] }),
      )
      const file = createWriteStream(log, { flags: 'a' })
      let complaint = ''
      const keepLine = (line: string): void => {
        file.write(`${line}\n`)
        if (line.trim() !== '') complaint = line
        onLine(line)
      }
      eachLine(child.stdout, keepLine)
      eachLine(child.stderr, keepLine)
      child.once('close', () => file.end())
      let asked = false
      const ended = new Promise<void>((resolve, reject) => {
        child.once('error', reject)
        child.once('close', (status, signal) => {
          if (status === 0 || asked) resolve()
          else {
            const end = signal ?? `status ${status}`
            reject(
              stopping
                ? interrupted()
                : internal(`tessera ${args.slice(0, 2).join(' ')} must end well, got ${end}: ${complaint}`),
            )
          }
        })
      })
      ended.catch(() => undefined)
      return {
        ended,
        stop() {
          asked = true
          return stop(child)
        },
      }
    },

    async stopAll() {
      stopping = true
      await Promise.all([...running].map(stop))
    },
  }
}

/**
 * Returns the TESSERA_THREADS of one of several programs that compute at the same time: a fair share of the processors, 1 at least and
 * what the engine takes at most. `chosen` is the environment's own, which goes first.
 */
export function threadsOf(atOnce: number, chosen: string | undefined): string {
  if (chosen !== undefined && chosen !== '') return chosen
  return String(Math.min(8, Math.max(1, Math.floor(availableParallelism() / atOnce))))
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await new Promise<void>((resolve) => {
    const kill = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
    child.once('exit', () => {
      clearTimeout(kill)
      resolve()
    })
    child.kill('SIGTERM')
  })
}

function eachLine(stream: Readable | null, use: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on('line', use)
}

const interrupted = (): TesseraError =>
  new TesseraError('ERR_INTERRUPTED', 'run must go on to its end, got a stop')
const internal = (text: string): TesseraError => new TesseraError('ERR_INTERNAL', `internal: ${text}`)
