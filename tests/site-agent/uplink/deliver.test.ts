import { TesseraError } from '@tessera/shared/errors'
import { CHUNK_BYTES } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import type { Connection } from '../../../site-agent/uplink/connection.ts'
import { deliver } from '../../../site-agent/uplink/deliver.ts'

const bytes = new Uint8Array(CHUNK_BYTES * 2 + 100)
const { signal } = new AbortController()

type Answer = (request: { offset?: number; chunk?: Uint8Array }) => unknown

/** A connection whose coordinator is at `start`; `answers` replaces what it says, call by call. */
function connection(start = 0, answers: Record<string, (Answer | null)[]> = {}) {
  const asked: string[] = []
  let at = start
  const ask = async (event: string, request: { offset?: number; chunk?: Uint8Array }): Promise<unknown> => {
    asked.push(event === 'upload:chunk' ? `chunk ${request.offset}` : event)
    const scripted = answers[event]?.shift()
    if (scripted) return scripted(request)
    if (event === 'upload:open') return { upload: 'u', offset: at }
    if (event === 'upload:commit') return { receipt: 'receipt' }
    at = (request.offset ?? 0) + (request.chunk?.length ?? 0)
    return { offset: at }
  }
  return { asked, connection: { ask, joined: async () => undefined } as unknown as Connection }
}

const say =
  (code: 'ERR_CONNECTION_LOST' | 'ERR_UPLOAD_UNKNOWN' | 'ERR_UPDATE_DUPLICATE' | 'ERR_UPDATE_NORM') => () => {
    throw new TesseraError(code, 'test')
  }

describe('deliver()', () => {
  test('opens, sends every chunk once and commits', async () => {
    const { asked, connection: c } = connection()
    expect(await deliver({ connection: c, manifest: 'm', bytes, signal })).toBe('receipt')
    expect(asked).toEqual([
      'upload:open',
      'chunk 0',
      `chunk ${CHUNK_BYTES}`,
      `chunk ${CHUNK_BYTES * 2}`,
      'upload:commit',
    ])
  })

  test('goes on from the byte the coordinator is at', async () => {
    const { asked, connection: c } = connection(CHUNK_BYTES * 2)
    await deliver({ connection: c, manifest: 'm', bytes, signal })
    expect(asked).toEqual(['upload:open', `chunk ${CHUNK_BYTES * 2}`, 'upload:commit'])
  })

  test('opens again after a cut, and when the coordinator forgot the upload', async () => {
    for (const code of ['ERR_CONNECTION_LOST', 'ERR_UPLOAD_UNKNOWN'] as const) {
      const { asked, connection: c } = connection(0, { 'upload:chunk': [null, say(code)] })
      expect(await deliver({ connection: c, manifest: 'm', bytes, signal })).toBe('receipt')
      expect(asked.filter((event) => event === 'upload:open')).toHaveLength(2)
      expect(asked.filter((event) => event === 'chunk 0')).toHaveLength(1)
    }
  })

  test('gives up when opening again does not help', async () => {
    const wrong: Answer = () => ({ offset: 7 })
    const { asked, connection: c } = connection(0, { 'upload:chunk': Array.from({ length: 9 }, () => wrong) })
    await expect(deliver({ connection: c, manifest: 'm', bytes, signal })).rejects.toMatchObject({
      code: 'ERR_UPLOAD_OFFSET',
    })
    expect(asked.filter((event) => event === 'upload:open')).toHaveLength(6)
  })

  test('a duplicate is a delivery only after a commit whose answer was lost', async () => {
    const lost = connection(0, {
      'upload:commit': [say('ERR_CONNECTION_LOST')],
      'upload:open': [null, say('ERR_UPDATE_DUPLICATE')],
    })
    expect(await deliver({ connection: lost.connection, manifest: 'm', bytes, signal })).toBeNull()
    const fresh = connection(0, { 'upload:open': [say('ERR_UPDATE_DUPLICATE')] })
    await expect(
      deliver({ connection: fresh.connection, manifest: 'm', bytes, signal }),
    ).rejects.toMatchObject({
      code: 'ERR_UPDATE_DUPLICATE',
    })
  })

  test('passes on what the coordinator says against the update', async () => {
    const { connection: c } = connection(0, { 'upload:commit': [say('ERR_UPDATE_NORM')] })
    await expect(deliver({ connection: c, manifest: 'm', bytes, signal })).rejects.toMatchObject({
      code: 'ERR_UPDATE_NORM',
    })
  })
})
