import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createParser } from '@tessera/shared/protocol'
import { spkiPin } from '@tessera/shared/security'
import { Server } from 'socket.io'
import { describe, expect, onTestFinished, test } from 'vitest'
import { selfSigned } from '../../../coordinator/tls/self-signed.ts'
import { dialOver } from '../../../site-agent/uplink/socket.ts'

/** A parser whose frames wait for no audit log. */
const atOnce = () => ({ ...createParser(), recorded: async () => undefined })

/** A Socket.IO server over TLS that takes these transports only; gives its address and its pin. */
async function secured(transports: ('websocket' | 'polling')[]) {
  const { cert, key } = selfSigned(['127.0.0.1'], Date.now())
  const https = createServer({ cert, key })
  const sockets = new Server(https, { parser: createParser(), transports })
  let heard = 0
  sockets.engine.on('initial_headers', () => heard++)
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => sockets.close())
  const { port } = https.address() as AddressInfo
  return { url: `https://127.0.0.1:${port}`, pin: spkiPin(Buffer.from(cert)), heard: () => heard }
}

/** `connected`, or the code of what went wrong, wherever the transport hides it. */
async function dialled(url: string, pin: string): Promise<string> {
  const socket = dialOver({ pin })(url, atOnce())
  onTestFinished(() => void socket.disconnect())
  return new Promise((resolve) => {
    socket.on('connect', () => resolve('connected'))
    socket.on('connect_error', (cause) =>
      resolve(/ERR_TLS_PIN/.exec(JSON.stringify(codes(cause)))?.[0] ?? 'other'),
    )
  })
}
const codes = (cause: unknown): unknown[] => {
  const { code, description, context } = Object(cause) as Record<string, unknown>
  const { error } = Object(description) as { error?: unknown }
  const { statusText } = Object(context) as { statusText?: unknown }
  return [
    code,
    ...[error, description, statusText].map((inner) => (Object(inner) as { code?: unknown }).code),
  ]
}

describe('dialOver() with a pin', () => {
  test.each<['websocket' | 'polling']>([['websocket'], ['polling']])(
    'connects by %s to the key it pins',
    async (how) => {
      const { url, pin } = await secured([how])
      expect(await dialled(url, pin)).toBe('connected')
    },
  )

  test.each<['websocket' | 'polling']>([['websocket'], ['polling']])(
    'says no request at all by %s to another key',
    async (how) => {
      const { url, heard } = await secured([how])
      expect(await dialled(url, 'A'.repeat(43))).toBe('ERR_TLS_PIN')
      expect(heard()).toBe(0)
    },
  )

  test('refuses to dial plain http to another machine', () => {
    expect(() => dialOver()('http://fl.example.org', atOnce())).toThrow(
      expect.objectContaining({ code: 'ERR_TLS_REQUIRED' }),
    )
  })
})
