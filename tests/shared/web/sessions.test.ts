import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openSessions, SESSION_IDLE_MS, SESSION_LIFETIME_MS } from '@tessera/shared/web'
import { describe, expect, test } from 'vitest'
import { fakeClock } from '../../support/fake-clock.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const ADA = { role: 'operator', name: 'ada' } as const
const place = async (): Promise<string> => join(await temporaryFolder(), 'sessions.json')

describe('openSessions()', () => {
  test('a session is found by its secret, and by nothing that stands in the file', async () => {
    const path = await place()
    const sessions = await openSessions(path, fakeClock())
    const { secret, session } = await sessions.begin(ADA)
    expect(sessions.find(secret)).toEqual(session)
    expect(session).toMatchObject(ADA)
    expect(await readFile(path, 'utf8')).not.toContain(secret)
    expect(sessions.find(session.hash)).toBeNull()
    expect(sessions.find(undefined)).toBeNull()
  })

  test('each begins with a secret of its own', async () => {
    const sessions = await openSessions(await place(), fakeClock())
    const secrets = [await sessions.begin(ADA), await sessions.begin(ADA)].map(({ secret }) => secret)
    expect(new Set(secrets).size).toBe(2)
  })

  test('ends when it is not used for long, and goes on while it is', async () => {
    const clock = fakeClock()
    const sessions = await openSessions(await place(), clock)
    const { secret } = await sessions.begin(ADA)
    clock.advance(SESSION_IDLE_MS - 1)
    expect(sessions.find(secret)).not.toBeNull()
    clock.advance(SESSION_IDLE_MS - 1)
    expect(sessions.find(secret)).not.toBeNull()
    clock.advance(SESSION_IDLE_MS)
    expect(sessions.find(secret)).toBeNull()
    await sessions.close()
  })

  test('a sign of life is written down now and then, and outlives a restart', async () => {
    const [path, clock] = [await place(), fakeClock()]
    const sessions = await openSessions(path, clock)
    const { secret } = await sessions.begin(ADA)
    clock.advance(SESSION_IDLE_MS - 1)
    sessions.find(secret)
    await sessions.close()
    clock.advance(SESSION_IDLE_MS - 1)
    expect((await openSessions(path, clock)).find(secret)).not.toBeNull()
  })

  test('ends after a working day, however much it is used', async () => {
    const clock = fakeClock()
    const sessions = await openSessions(await place(), clock)
    const { secret, session } = await sessions.begin(ADA)
    const endMs = clock.now() + SESSION_LIFETIME_MS
    expect(session.endsAtMs).toBe(endMs)
    while (clock.now() < endMs) {
      expect(sessions.find(secret)).not.toBeNull()
      clock.advance(SESSION_IDLE_MS / 2)
    }
    expect(sessions.find(secret)).toBeNull()
    await sessions.close()
  })

  test('outlives a restart, and not a signing out', async () => {
    const [path, clock] = [await place(), fakeClock()]
    const { secret, session } = await (await openSessions(path, clock)).begin(ADA)
    const next = await openSessions(path, clock)
    expect(next.find(secret)).toMatchObject(ADA)
    await next.end(session)
    expect(next.find(secret)).toBeNull()
    expect((await openSessions(path, clock)).find(secret)).toBeNull()
  })

  test('a file that cannot be read has none', async () => {
    const path = await place()
    await writeFile(path, '{"role":"operator"')
    const sessions = await openSessions(path, fakeClock())
    expect(sessions.find((await sessions.begin(ADA)).secret)).not.toBeNull()
  })
})
