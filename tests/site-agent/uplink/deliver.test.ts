import { type ErrorCode, TesseraError } from '@tessera/shared/errors'
import { CHUNK_BYTES } from '@tessera/shared/protocol'
import { listChunks, listHash, packMissing } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import type { Connection } from '../../../site-agent/uplink/connection.ts'
import { deliver } from '../../../site-agent/uplink/deliver.ts'

const COUNT = 12
const bytes = Uint8Array.from({ length: CHUNK_BYTES * (COUNT - 1) + 100 }, (_, i) => (i >> 19) & 0xff)
const list = listChunks(bytes)
const delta = { bytes, payload: listHash(list), chunks: list.digests }

type Answer = (request: { index?: number; chunk?: Uint8Array }) => unknown

interface Far {
  /** What was asked, in order. */
  readonly asked: string[]
  /** Chunks that were unanswered with each that was sent. */
  readonly unanswered: number[]
  readonly pauses: number[]
  readonly connection: Connection
}

/** A coordinator that has the chunks before `start`; `answers` replaces what it says, call by call. */
function far(start = 0, answers: Record<string, (Answer | null)[]> = {}, windows = [4]): Far {
  const next = (): number => (windows.length > 1 ? windows.shift() : windows[0]) ?? 1
  const missing = new Set(Array.from({ length: COUNT - start }, (_, i) => start + i))
  let unanswered = 0
  const seen: number[] = []
  const ask = async (event: string, request: { index?: number; chunk?: Uint8Array }): Promise<unknown> => {
    asked.push(event === 'upload:chunk' ? `chunk ${request.index}` : event)
    const scripted = answers[event]?.shift()
    if (scripted) return scripted(request)
    if (event === 'upload:open') return { upload: 'u', missing: packMissing(missing, COUNT), window: next() }
    if (event === 'upload:commit') return { receipt: 'receipt' }
    unanswered++
    seen.push(unanswered)
    await new Promise((resolve) => setImmediate(resolve))
    unanswered--
    missing.delete(request.index ?? -1)
    return { window: next() }
  }
  const pause = async (_reason: TesseraError, failures: number): Promise<void> => void pauses.push(failures)
  const asked: string[] = []
  const pauses: number[] = []
  const connection = { ask, pause, joined: async () => undefined } as unknown as Connection
  const given: Far = { asked, pauses, unanswered: seen, connection }
  return given
}

const send = ({ connection }: Far, signal = new AbortController().signal) =>
  deliver({ connection, manifest: 'm', delta, signal })
const count = ({ asked }: Far, event: string) => asked.filter((one) => one === event).length

const say = (code: ErrorCode) => () => {
  throw new TesseraError(code, 'test')
}

describe('deliver()', () => {
  test('opens, sends every chunk once within the window, and commits', async () => {
    const given = far()
    expect(await send(given)).toBe('receipt')
    const chunks = Array.from({ length: COUNT }, (_, i) => `chunk ${i}`)
    expect(given.asked).toEqual(['upload:open', ...chunks, 'upload:commit'])
    expect(given.unanswered).toEqual([1, 2, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4])
  })

  test('heeds the window of the last answer', async () => {
    const given = far(0, {}, [3, 1])
    await send(given)
    expect(given.unanswered).toEqual([1, 2, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1])
  })

  test('sends what the coordinator lacks and nothing else', async () => {
    const given = far(COUNT - 2)
    await send(given)
    expect(given.asked).toEqual(['upload:open', 'chunk 10', 'chunk 11', 'upload:commit'])
  })

  test('opens again after a cut, and sends again what was under way and no more', async () => {
    const given = far(0, { 'upload:chunk': [null, null, null, say('ERR_CONNECTION_LOST')] })
    expect(await send(given)).toBe('receipt')
    expect(count(given, 'upload:open')).toBe(2)
    expect(given.asked.filter((event) => event.startsWith('chunk'))).toHaveLength(COUNT + 1)
  })

  test.each(['ERR_UPLOAD_UNKNOWN', 'ERR_UPLOAD_CHUNK', 'ERR_UPLOAD_INCOMPLETE'] as const)(
    'opens again after %s, five times',
    async (code) => {
      const event = code === 'ERR_UPLOAD_INCOMPLETE' ? 'upload:commit' : 'upload:chunk'
      const once = far(0, { [event]: [say(code)] })
      expect(await send(once)).toBe('receipt')
      expect(count(once, 'upload:open')).toBe(2)
      const always = far(0, { [event]: Array.from({ length: 99 }, () => say(code)) })
      await expect(send(always)).rejects.toMatchObject({ code })
      expect(count(always, 'upload:open')).toBe(6)
    },
  )

  test('a coordinator that always lacks a chunk it was given is left in the end', async () => {
    const lie: Answer = () => ({ upload: 'u', missing: packMissing([3], COUNT), window: 4 })
    const given = far(0, {
      'upload:open': Array.from({ length: 99 }, () => lie),
      'upload:commit': Array.from({ length: 99 }, () => say('ERR_UPLOAD_INCOMPLETE')),
    })
    await expect(send(given)).rejects.toMatchObject({ code: 'ERR_UPLOAD_INCOMPLETE' })
    expect(count(given, 'chunk 3')).toBe(6)
  })

  test.each([
    ['a chunk that there is not', packMissing([COUNT], COUNT + 1)],
    ['too few bits', new Uint8Array(1)],
    ['too many bits', new Uint8Array(256)],
  ])('refuses a list of missing chunks with %s', async (_, missing) => {
    const given = far(0, { 'upload:open': [() => ({ upload: 'u', missing, window: 4 })] })
    await expect(send(given)).rejects.toMatchObject({ code: 'ERR_MESSAGE_INVALID' })
  })

  test.each(['ERR_UPLOAD_BUSY', 'ERR_STORE_WRITE', 'ERR_STORE_LOCKED', 'ERR_STORE_UNREACHABLE'] as const)(
    'waits longer each time and asks again when there is no room: %s',
    async (code) => {
      const given = far(0, { 'upload:open': Array.from({ length: 9 }, () => say(code)) })
      expect(await send(given)).toBe('receipt')
      expect(given.pauses).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    },
  )

  test('a duplicate is a delivery only after a commit whose answer was lost', async () => {
    const lost = far(0, {
      'upload:commit': [say('ERR_CONNECTION_LOST')],
      'upload:open': [null, say('ERR_UPDATE_DUPLICATE')],
    })
    expect(await send(lost)).toBeNull()
    const fresh = far(0, { 'upload:open': [say('ERR_UPDATE_DUPLICATE')] })
    await expect(send(fresh)).rejects.toMatchObject({ code: 'ERR_UPDATE_DUPLICATE' })
  })

  test('passes on what the coordinator says against the update', async () => {
    const given = far(0, { 'upload:commit': [say('ERR_UPDATE_NORM')] })
    await expect(send(given)).rejects.toMatchObject({ code: 'ERR_UPDATE_NORM' })
  })

  test('tells how much is there, over a cut too', async () => {
    const given = far(COUNT - 3, { 'upload:chunk': [null, say('ERR_CONNECTION_LOST')] }, [1])
    const told: number[] = []
    const { signal } = new AbortController()
    const onProgress = (there: number) => told.push(there)
    await deliver({ connection: given.connection, manifest: 'm', delta, signal, onProgress })
    expect(told).toEqual([10 * CHUNK_BYTES, 11 * CHUNK_BYTES, bytes.length])
  })
})
