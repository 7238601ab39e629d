/** @file One bash for a page: commands one after the other, as a reader types them; what runs on beside them ends with it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** None of the pages' commands takes half as long on two busy cores. */
const LONGEST_COMMAND_MS = 180_000
/** From one look at a background command's output to the next. */
const LOOK_MS = 50
/** A coordinator that is asked to stop has its rounds to hand back first. */
const GRACE_MS = 20_000

export interface Ended {
  readonly code: number
  readonly output: string
}

export class Shell {
  readonly #bash: ChildProcess
  readonly #logs: string
  /** Groups of processes that run on. */
  readonly #background: number[] = []
  #seen = ''
  #commands = 0

  constructor(folder: string, logs: string, environment: NodeJS.ProcessEnv) {
    this.#logs = logs
    // A group of its own for each command that runs on (`set -m`), so that all it has started ends with it.
    this.#bash = spawn('bash', ['--norc', '--noprofile'], {
      cwd: folder,
      env: environment,
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    this.#bash.stdout?.on('data', (text: Buffer) => (this.#seen += text.toString()))
    this.#bash.stdin?.write('set -m -o pipefail\n')
  }

  /** Runs a command to its end. */
  async run(command: string): Promise<Ended> {
    const log = this.#log()
    const code = await this.#ask(`{\n${command}\n} </dev/null >'${log}' 2>&1`, '$?')
    return { code: Number(code), output: await readFile(log, 'utf8') }
  }

  /** Starts a command and waits for its `ready`. @throws {Error} If it ends before it has said so, or never says it. */
  async start(command: string, ready: string): Promise<string> {
    const log = this.#log()
    const pid = Number(await this.#ask(`{\n${command}\n} </dev/null >'${log}' 2>&1 &`, '$!'))
    this.#background.push(pid)
    const end = performance.now() + LONGEST_COMMAND_MS
    for (;;) {
      const output = await readFile(log, 'utf8')
      if (output.includes(ready)) return output
      if (!isRunning(pid)) throw new Error(`must say ${ready} before it ends, got\n${output}`)
      if (performance.now() > end) throw new Error(`must say ${ready}, got\n${output}`)
      await delay(LOOK_MS)
    }
  }

  /** Ends everything. */
  async close(): Promise<void> {
    await Promise.all(this.#background.map(endGroup))
    this.#bash.kill('SIGKILL')
    if (this.#bash.exitCode === null && this.#bash.signalCode === null) await once(this.#bash, 'close')
  }

  #log(): string {
    return join(this.#logs, `${++this.#commands}.log`)
  }

  /** Gives bash a line, and the value of an expression right after it. */
  async #ask(line: string, value: string): Promise<string> {
    const mark = `done-${this.#commands}-`
    this.#bash.stdin?.write(`${line}\necho "${mark}${value}."\n`)
    const end = performance.now() + LONGEST_COMMAND_MS
    for (;;) {
      const found = new RegExp(`${mark}(\\d+)\\.`).exec(this.#seen)?.[1]
      if (found !== undefined) return found
      if (performance.now() > end) throw new Error(`must end within ${LONGEST_COMMAND_MS} ms`)
      if (this.#bash.exitCode !== null) throw new Error('must not end the shell')
      await delay(LOOK_MS)
    }
  }
}

async function endGroup(pid: number): Promise<void> {
  signal(pid, 'SIGTERM')
  const end = performance.now() + GRACE_MS
  while (isRunning(pid) && performance.now() < end) await delay(LOOK_MS)
  signal(pid, 'SIGKILL')
}

/** True while any process of the group is there. */
function isRunning(pid: number): boolean {
  try {
    process.kill(-pid, 0)
    return true
  } catch {
    return false
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name)
  } catch {
    // It has ended already.
  }
}
