/** @file Starts `hospital-proxy.mjs`. It ends with the test. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const PROGRAM = fileURLToPath(new URL('hospital-proxy.mjs', import.meta.url))

type ProxySettings =
  | {
      readonly kind: 'forward'
      readonly auth?: string
      readonly secure?: { readonly cert: string; readonly key: string; readonly upstream: 'tls' | 'plain' }
    }
  | {
      readonly kind: 'reverse'
      readonly target: number
      readonly strip?: string
      readonly noWebSocket?: true
      readonly idleMs?: number
    }

/** What it did, a line each. `passed`: bytes that came from this side. */
interface ProxyEvent {
  readonly connect?: string
  readonly request?: string
  readonly refused?: number | 'websocket'
  readonly passed?: 'client' | 'server'
  readonly cut?: 'idle'
}

export interface HospitalProxy {
  readonly url: string
  readonly events: ProxyEvent[]
}

export async function hospitalProxy(settings: ProxySettings): Promise<HospitalProxy> {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const events: ProxyEvent[] = []
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line) as ProxyEvent & { port?: number }
      if (event.port === undefined) events.push(event)
      else resolve(event.port)
    })
    child.once('exit', (code) => reject(new Error(`proxy ended with ${code} before it listened`)))
  })
  return { url: `http://127.0.0.1:${port}`, events }
}
