import { TesseraError } from '@tessera/shared/errors'
import { call, type ServeOptions, serve, siteMessages } from '@tessera/shared/protocol'
import { describe, expect, test, vi } from 'vitest'
import { fakeClock } from '../../support/fake-clock.ts'
import { type MemorySocket, memoryLink } from '../../support/memory-link.ts'

type Commit = (request: { upload: string }) => { receipt: string } | Promise<{ receipt: string }>
const EVENT = 'upload:commit'

/** A link whose far end answers `upload:commit`. */
function served(handler: Commit, options?: ServeOptions): [MemorySocket, MemorySocket] {
  const [site, coordinator] = memoryLink()
  serve(coordinator, siteMessages, EVENT, handler, options)
  return [site, coordinator]
}
const ask = (site: MemorySocket, options = {}): Promise<{ receipt: string }> =>
  call(site, siteMessages, EVENT, { upload: 'u' }, { timeoutMs: 1000, clock: fakeClock(), ...options })
/** What a peer gets that speaks for itself. */
const raw = (site: MemorySocket, ...args: unknown[]): Promise<unknown> =>
  new Promise((resolve) => site.emit(EVENT, ...args, resolve))
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('serve() and call()', () => {
  test('a request reaches the handler and its reply the caller', async () => {
    const [site] = served(({ upload }) => ({ receipt: `of ${upload}` }))
    expect(await ask(site)).toEqual({ receipt: 'of u' })
  })
  test('replies find their requests, whatever the order', async () => {
    const finish: (() => void)[] = []
    const [site] = served(
      ({ upload }) => new Promise((resolve) => finish.unshift(() => resolve({ receipt: upload }))),
    )
    const asked = ['a', 'b', 'c'].map((upload) =>
      call(site, siteMessages, EVENT, { upload }, { timeoutMs: 1000 }),
    )
    await turn()
    for (const answer of finish) answer()
    expect(await Promise.all(asked)).toEqual([{ receipt: 'a' }, { receipt: 'b' }, { receipt: 'c' }])
  })
  test('a refusal keeps its code and sentence', async () => {
    const [site] = served(() => {
      throw new TesseraError('ERR_ROUND_CLOSED', 'round must be open, got closed')
    })
    await expect(ask(site)).rejects.toMatchObject({
      code: 'ERR_ROUND_CLOSED',
      message: 'round must be open, got closed',
    })
  })
  test('any other failure keeps its text at home', async () => {
    const onRefused = vi.fn<(error: TesseraError, event: string) => void>()
    const fault = new Error('ENOENT: /data/patient-0042.png')
    const [site] = served(() => Promise.reject(fault), { onRefused })
    await expect(ask(site)).rejects.toMatchObject({ code: 'ERR_INTERNAL', message: 'internal error' })
    expect(onRefused).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ code: 'ERR_INTERNAL', cause: fault }),
      EVENT,
    )
  })
  test('an internal TesseraError keeps its text at home too', async () => {
    const [site] = served(() => {
      throw new TesseraError('ERR_INTERNAL', 'internal: secret')
    })
    expect(await raw(site, { upload: 'u' })).toEqual({
      ok: false,
      code: 'ERR_INTERNAL',
      message: 'internal error',
    })
  })
})

describe('serve()', () => {
  test.each([
    ['no argument', []],
    ['two arguments', [{ upload: 'u' }, { upload: 'v' }]],
    ['a text', ['u']],
    ['a list', [['u']]],
    ['a field of the wrong type', [{ upload: 7 }]],
    ['a field too long', [{ upload: 'u'.repeat(65) }]],
    ['a field too many', [{ upload: 'u', fileName: 'slide-0042.svs' }]],
    ['a field too few', [{}]],
  ])('refuses %s before the handler sees it', async (_, args) => {
    const handler = vi.fn<Commit>()
    const [site] = served(handler)
    expect(await raw(site, ...args)).toMatchObject({ ok: false, code: 'ERR_MESSAGE_INVALID' })
    expect(handler).not.toHaveBeenCalled()
  })
  test('never sends a reply with a field that is not declared', async () => {
    const onRefused = vi.fn<(error: TesseraError, event: string) => void>()
    const [site] = served(() => ({ receipt: 'r', labels: ['tumour'] }), { onRefused })
    expect(await raw(site, { upload: 'u' })).toEqual({
      ok: false,
      code: 'ERR_INTERNAL',
      message: 'internal error',
    })
    expect(onRefused).toHaveBeenCalledOnce()
  })
  test('a peer that wants no answer is served, and one that gets it wrong harms nobody', async () => {
    const handler = vi.fn<Commit>(({ upload }) => ({ receipt: upload }))
    const [site] = served(handler)
    site.emit(EVENT, { upload: 'quiet' })
    site.emit(EVENT, 'wrong')
    site.emit(EVENT)
    expect(await ask(site)).toEqual({ receipt: 'u' })
    expect(handler.mock.calls.map(([{ upload }]) => upload)).toEqual(['quiet', 'u'])
  })
  test('a reply that no frame can carry leaves the process running', async () => {
    const onRefused = vi.fn<(error: TesseraError, event: string) => void>()
    const [site, coordinator] = served(({ upload }) => ({ receipt: upload }), { onRefused })
    coordinator.emit = () => true
    const broken = (): never => {
      throw new TesseraError('ERR_FRAME_TOO_LARGE', 'frame must be smaller, got more')
    }
    for (const listener of coordinator.listeners(EVENT)) listener({ upload: 'u' }, broken)
    await turn()
    expect(onRefused).toHaveBeenCalledOnce()
    expect(await ask(site)).toEqual({ receipt: 'u' })
  })
})

describe('call()', () => {
  test('sends nothing that does not fit the catalogue', async () => {
    const [site] = memoryLink()
    const wrong = { upload: 'u', fileName: 'slide-0042.svs' }
    await expect(call(site, siteMessages, EVENT, wrong, { timeoutMs: 1 })).rejects.toMatchObject({
      code: 'ERR_MESSAGE_INVALID',
    })
    expect(site.sent).toEqual([])
  })
  test.each([
    ['no object', 'yes'],
    ['nothing', undefined],
    ['no verdict', { receipt: 'r' }],
    ['a field too many', { ok: true, receipt: 'r', extra: 1 }],
    ['a field too few', { ok: true }],
    ['an unknown code', { ok: false, code: 'ERR_NO_SUCH', message: 'm' }],
    ['a refusal without a sentence', { ok: false, code: 'ERR_KIT_USED' }],
    ['a refusal that is too long', { ok: false, code: 'ERR_KIT_USED', message: 'm'.repeat(1001) }],
  ])('refuses a reply with %s', async (_, reply) => {
    const [site, coordinator] = memoryLink()
    coordinator.on(EVENT, (_request: unknown, acknowledge: (reply: unknown) => void) => acknowledge(reply))
    await expect(ask(site)).rejects.toMatchObject({ code: 'ERR_MESSAGE_INVALID' })
  })
  test('escapes control characters in a sentence of the peer', async () => {
    const [site] = served(() => {
      throw new TesseraError('ERR_KIT_USED', 'kit must be new\u001b[2J\n, got used')
    })
    await expect(ask(site)).rejects.toThrow(String.raw`kit must be new\u001b[2J\u000a, got used`)
  })
  test('gives up at its time-out and leaves nothing behind', async () => {
    const clock = fakeClock()
    const [site] = memoryLink()
    const asked = ask(site, { clock })
    const failed = expect(asked).rejects.toMatchObject({
      code: 'ERR_TIMED_OUT',
      message: 'upload:commit must be answered within 1000 ms, got no reply',
    })
    clock.advance(999)
    expect(clock.pending()).toBe(1)
    clock.advance(1)
    await failed
    expect([clock.pending(), site.listenerCount('disconnect')]).toEqual([0, 0])
  })
  test('waits on as long as anything it asked is answered', async () => {
    const clock = fakeClock()
    const silent = new Promise<{ receipt: string }>(() => undefined)
    const [site] = served(({ upload }) => (upload === 'u' ? silent : { receipt: 'there' }))
    const asked = ask(site, { clock })
    const failed = expect(asked).rejects.toMatchObject({ code: 'ERR_TIMED_OUT' })
    for (let i = 0; i < 10; i++) {
      clock.advance(999)
      await call(site, siteMessages, EVENT, { upload: 'other' }, { timeoutMs: 1000, clock })
    }
    expect(clock.pending()).toBe(1)
    // An answer over another connection is no progress of this one.
    const [elsewhere] = served(() => ({ receipt: 'there' }))
    clock.advance(999)
    await ask(elsewhere, { clock })
    clock.advance(1)
    await failed
    expect(clock.pending()).toBe(0)
  })
  test('leaves nothing behind after an answer', async () => {
    const [clock, stop] = [fakeClock(), new AbortController()]
    const [site] = served(({ upload }) => ({ receipt: upload }))
    const remove = vi.spyOn(stop.signal, 'removeEventListener')
    await ask(site, { clock, signal: stop.signal })
    expect([clock.pending(), site.listenerCount('disconnect')]).toEqual([0, 0])
    expect(remove).toHaveBeenCalled()
  })
  test('fails at once when the connection ends', async () => {
    const [site] = memoryLink()
    const asked = ask(site)
    site.disconnect()
    await expect(asked).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST' })
    await expect(ask(site)).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST' })
  })
  test('ends with its signal', async () => {
    const [site] = memoryLink()
    const stop = new AbortController()
    const asked = ask(site, { signal: stop.signal })
    stop.abort()
    await expect(asked).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    await expect(ask(site, { signal: stop.signal })).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
  })
})
