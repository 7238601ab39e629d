/** @file A process of a federation: started, listened to, ended. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { TesseraError } from '@tessera/shared/errors'
import type { z } from 'zod'
import { type HostMessage, hostMessage, type trainMessage } from './messages.ts'

export interface Host {
  readonly pid: number
  /** Address of a coordinator, '' of agents, when it is ready. @throws {TesseraError} ERR_INTERNAL if it ends before. */
  readonly ready: Promise<string>
  /** Rejects when it ends by itself; never resolves. */
  readonly failed: Promise<never>
  send(message: z.infer<typeof trainMessage>): void
  /** Ends it; kills it when it does not end. */
  stop(): Promise<void>
}

/** From the wish to end until a process is killed: the coordinator closes its store. */
const GRACE_MS = 4000
const COMPLAINT_CHARACTERS = 1000

export interface HostOptions {
  readonly file: 'coordinator-host' | 'agent-host'
  readonly args: readonly string[]
  /** What it writes to standard error is added here. */
  readonly log: string
  /** Folder for a profile of its processor time (V8's .cpuprofile), written when it ends. */
  readonly profile?: string | undefined
  readonly onMessage?: (message: HostMessage) => void
}

export function startHost({ file, args, log, profile, onMessage }: HostOptions): Host {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
  const path = fileURLToPath(new URL(`${file}.ts`, import.meta.url))
  const profiling =
    profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile, '--cpu-prof-interval', '500']
  const errors = openSync(log, 'a')
  const child = spawn(process.execPath, [...profiling, '--import', tsx, path, ...args], {
    stdio: ['pipe', 'pipe', errors],
  }) as ChildProcessByStdio<Writable, Readable, null>
  closeSync(errors)
  // Read by no one while all goes well: a pipe would cost this process time.
  const complaint = (): string => readFileSync(log, 'utf8').trim().slice(-COMPLAINT_CHARACTERS)
  child.stdin.on('error', () => undefined)
  let [announce, stopping] = [(_url: string): void => undefined, false]
  const closed = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (status, killer) => resolve(killer ?? `status ${status}`))
  })
  const failed = closed.then((end) => {
    if (stopping) return new Promise<never>(() => undefined)
    throw new TesseraError('ERR_INTERNAL', `internal: ${file} must run, got its end, ${end}: ${complaint()}`)
  })
  failed.catch(() => undefined)
  const listening = new Promise<string>((resolve) => {
    announce = resolve
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = hostMessage.parse(JSON.parse(line))
    if ('ready' in message) announce(message.ready)
    else onMessage?.(message)
  })
  return {
    pid: child.pid ?? 0,
    ready: Promise.race([listening, failed]),
    failed,
    send(message) {
      child.stdin.write(`${JSON.stringify(message)}\n`)
    },
    async stop() {
      stopping = true
      child.stdin.end()
      const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
      await closed
      clearTimeout(timer)
    },
  }
}
