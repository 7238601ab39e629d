import { EventEmitter } from 'node:events'
import { ERROR_CODES, TesseraError } from '@tessera/shared/errors'
import { createLog } from '@tessera/shared/log'
import { BAD_FRAME, createParser } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { describe, expect, test } from 'vitest'
import {
  type Connection,
  type ConnectionOptions,
  openConnection,
} from '../../../site-agent/uplink/connection.ts'
import { fakeClock } from '../../support/fake-clock.ts'

/** A socket that the test speaks for. */
class FakeSocket extends EventEmitter {
  connected = false
  readonly sent: { event: string; request: unknown; answer: (reply: unknown) => void }[] = []
  ended = false

  override emit(event: string, ...args: unknown[]): boolean {
    if (event === 'model:chunk') {
      const [request, answer] = args
      this.sent.push({ event, request, answer: answer as (reply: unknown) => void })
      return true
    }
    return super.emit(event, ...args)
  }
  disconnect(): void {
    if (!this.connected) return
    this.connected = false
    this.ended = true
    super.emit('disconnect', 'io client disconnect')
  }
  /** What the coordinator does first. */
  open(): void {
    this.connected = true
    super.emit('connect')
  }
  challenge(protocol = 1): void {
    super.emit('session:challenge', { protocol, nonce: 'n' }, () => undefined)
  }
  fail(): void {
    super.emit('connect_error', Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
  }
  drop(): void {
    this.connected = false
    super.emit('disconnect', 'transport close')
  }
}

interface Setup {
  readonly clock: ReturnType<typeof fakeClock>
  readonly sockets: FakeSocket[]
  readonly lines: { event: string; code?: string; delayMs?: number; attempt?: number }[]
  readonly connection: Connection
}

function setup(more: Partial<ConnectionOptions> = {}): Setup {
  const clock = fakeClock()
  const sockets: FakeSocket[] = []
  const lines: Setup['lines'] = []
  const connection = openConnection({
    url: 'http://coordinator',
    parser: { ...createParser(), recorded: async () => undefined },
    dial() {
      const socket = new FakeSocket()
      sockets.push(socket)
      return socket
    },
    clock,
    random: createRandom('test'),
    log: createLog((line) => lines.push(JSON.parse(line)), clock),
    join: async () => undefined,
    onSnapshot: async () => undefined,
    onOffer: async () => undefined,
    onPublished: async () => undefined,
    ...more,
  })
  return { clock, sockets, lines, connection }
}

const last = ({ sockets }: Setup): FakeSocket => sockets.at(-1) ?? new FakeSocket()
const settled = () => new Promise((resolve) => setImmediate(resolve))

async function join(given: Setup): Promise<void> {
  last(given).open()
  last(given).challenge()
  await given.connection.joined()
}

describe('openConnection()', () => {
  test('waits longer after each failure, between half and all of 0.5 s, 1 s, 2 s … 30 s, and says so once', () => {
    const given = setup()
    const waits: number[] = []
    for (let i = 0; i < 12; i++) {
      last(given).fail()
      const before = given.sockets.length
      let waitedMs = 0
      while (given.sockets.length === before) {
        given.clock.advance(10)
        waitedMs += 10
      }
      waits.push(waitedMs)
    }
    for (const [i, waitedMs] of waits.entries()) {
      const ceiling = Math.min(30_000, 500 * 2 ** i)
      expect(waitedMs).toBeGreaterThanOrEqual(ceiling / 2)
      expect(waitedMs).toBeLessThanOrEqual(ceiling + 10)
    }
    expect(given.lines).toHaveLength(1)
    expect(given.lines[0]).toMatchObject({
      event: 'coordinator.waiting',
      code: 'ERR_COORDINATOR_UNREACHABLE',
    })
    expect(JSON.stringify(given.lines)).not.toContain('at Object')
  })

  test('waits alike for the same seed', () => {
    const delays = [setup(), setup(), setup({ random: createRandom('other') })].map((given) => {
      last(given).fail()
      return given.lines[0]?.delayMs
    })
    expect(delays[0]).toBe(delays[1])
    expect(delays[0]).not.toBe(delays[2])
  })

  test('says another reason for waiting too, each once', async () => {
    const given = setup({
      join: async () => {
        throw new TesseraError('ERR_SITE_BUSY', 'as the test wants it')
      },
    })
    for (let i = 0; i < 2; i++) {
      last(given).fail()
      given.clock.advance(30_000)
      last(given).open()
      last(given).challenge()
      await settled()
      given.clock.advance(30_000)
    }
    expect(given.lines.map(({ code }) => code)).toEqual(['ERR_COORDINATOR_UNREACHABLE', 'ERR_SITE_BUSY'])
  })

  test('begins a new series after a join: one line when it is lost, one when it is back', async () => {
    const given = setup()
    last(given).fail()
    given.clock.advance(1000)
    await join(given)
    last(given).drop()
    given.clock.advance(600)
    expect(given.sockets).toHaveLength(3)
    await join(given)
    expect(given.lines.map(({ event, code, attempt }) => [event, code ?? attempt])).toEqual([
      ['coordinator.waiting', 'ERR_COORDINATOR_UNREACHABLE'],
      ['coordinator.joined', 2],
      ['coordinator.waiting', 'ERR_CONNECTION_LOST'],
      ['coordinator.joined', 2],
    ])
  })

  test('refuses to ask without a session, and tells who waits for a reply that it will not come', async () => {
    const given = setup()
    const request = { sha256: 'a'.repeat(64), index: 0 }
    await expect(given.connection.ask('model:chunk', request)).rejects.toMatchObject({
      code: 'ERR_CONNECTION_LOST',
    })
    await join(given)
    const asked = given.connection.ask('model:chunk', request)
    await settled()
    last(given).drop()
    await expect(asked).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST' })
  })

  test('hangs up when a reply does not come in a minute', async () => {
    const given = setup()
    await join(given)
    const asked = given.connection.ask('model:chunk', { sha256: 'a'.repeat(64), index: 0 })
    await settled()
    given.clock.advance(60_000)
    await expect(asked).rejects.toMatchObject({ code: 'ERR_TIMED_OUT' })
    expect(given.sockets[0]?.ended).toBe(true)
    given.clock.advance(500)
    expect(given.sockets).toHaveLength(2)
  })

  test('hangs up when no challenge comes', () => {
    const given = setup()
    last(given).open()
    given.clock.advance(20_000)
    expect(given.sockets[0]?.ended).toBe(true)
    expect(given.lines[0]).toMatchObject({ code: 'ERR_TIMED_OUT' })
  })

  test('dials again after a bad frame', async () => {
    const given = setup()
    await join(given)
    given.sockets[0]?.emit(BAD_FRAME, new TesseraError('ERR_FRAME_MALFORMED', 'test'))
    given.clock.advance(500)
    expect(given.sockets).toHaveLength(2)
    expect(given.lines.at(-1)).toMatchObject({ code: 'ERR_FRAME_MALFORMED' })
  })

  test('ends for good at another protocol version', async () => {
    const given = setup()
    last(given).open()
    last(given).challenge(2)
    await expect(given.connection.ended).rejects.toMatchObject({
      code: 'ERR_PROTOCOL_VERSION',
      message: 'coordinator must speak protocol 1, got 2',
    })
    expect(given.clock.pending()).toBe(0)
  })

  test.each(['ERR_SITE_REVOKED', 'ERR_SITE_UNKNOWN', 'ERR_STUDY_UNKNOWN', 'ERR_SIGNATURE_INVALID'] as const)(
    'ends for good when the join fails with %s',
    async (code) => {
      const given = setup({
        join: async () => {
          throw new TesseraError(code, 'test')
        },
      })
      last(given).open()
      last(given).challenge()
      await expect(given.connection.joined()).rejects.toMatchObject({ code })
      await expect(given.connection.ask('upload:commit', { upload: 'u' })).rejects.toMatchObject({ code })
      given.clock.advance(60_000)
      expect(given.sockets).toHaveLength(1)
      expect(ERROR_CODES[code].retry).toBe(false)
    },
  )

  test('ends for good when refused, tries again when the reason may pass', async () => {
    for (const [code, dials] of [
      ['ERR_SITE_REVOKED', 1],
      ['ERR_CONNECTION_LOST', 2],
    ] as const) {
      const given = setup()
      await join(given)
      given.sockets[0]?.emit('session:refused', { code, message: 'test' }, () => undefined)
      await settled()
      given.clock.advance(500)
      expect(given.sockets).toHaveLength(dials)
    }
  })

  test('does not listen to a socket it has given up', async () => {
    const given = setup()
    last(given).fail()
    given.clock.advance(500)
    await join(given)
    given.sockets[0]?.fail()
    given.sockets[0]?.drop()
    given.clock.advance(60_000)
    expect(given.sockets).toHaveLength(2)
  })

  test('close() ends the session, the timers and the waits', async () => {
    const given = setup()
    const waiting = given.connection.joined()
    given.connection.close()
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    expect(given.clock.pending()).toBe(0)
  })

  test('pause() waits as long as a dial would, says so once, and leaves the session alone', async () => {
    const given = setup()
    await join(given)
    const reason = new TesseraError('ERR_UPLOAD_BUSY', 'test')
    const { signal } = new AbortController()
    for (const failures of [1, 2, 3, 10]) {
      const ceiling = Math.min(30_000, 500 * 2 ** (failures - 1))
      const pause = given.connection.pause(reason, failures, signal)
      given.clock.advance(ceiling / 2 - 1)
      expect(given.clock.pending()).toBe(1)
      given.clock.advance(ceiling / 2 + 1)
      await pause
    }
    expect(given.lines.filter(({ code }) => code === 'ERR_UPLOAD_BUSY')).toHaveLength(1)
    expect([given.sockets.length, given.clock.pending()]).toEqual([1, 0])
  })

  test('pause() ends with its signal', async () => {
    const given = setup()
    await join(given)
    const stop = new AbortController()
    const reason = new TesseraError('ERR_STORE_WRITE', 'test')
    const waiting = given.connection.pause(reason, 1, stop.signal)
    stop.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    await expect(given.connection.pause(reason, 1, stop.signal)).rejects.toMatchObject({
      code: 'ERR_INTERRUPTED',
    })
    expect(given.clock.pending()).toBe(0)
  })

  test('hangs up when nothing is answered in a minute, not when one answer is late', async () => {
    const given = setup()
    await join(given)
    const request = { sha256: 'a'.repeat(64), index: 0 }
    const first = given.connection.ask('model:chunk', request)
    const others: Promise<unknown>[] = []
    await settled()
    for (let i = 0; i < 5; i++) {
      others.push(given.connection.ask('model:chunk', request))
      await settled()
      given.clock.advance(59_999)
      given.sockets[0]?.sent.at(-1)?.answer({ ok: true, chunk: new Uint8Array() })
    }
    await Promise.all(others)
    expect(given.sockets[0]?.ended).toBe(false)
    given.clock.advance(60_000)
    await expect(first).rejects.toMatchObject({ code: 'ERR_TIMED_OUT' })
    expect(given.sockets[0]?.ended).toBe(true)
  })

  test('joined() ends with its signal', async () => {
    const given = setup()
    const stop = new AbortController()
    const waiting = given.connection.joined(stop.signal)
    stop.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
  })
})
