import { untilStopped } from '@tessera/shared/until-stopped'
import { describe, expect, test } from 'vitest'

const listeners = () => process.listenerCount('SIGINT') + process.listenerCount('SIGTERM')

describe('work that a signal stops', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'is asked to stop by %s, and what it then gives counts',
    async (name) => {
      const before = listeners()
      const outcome = await untilStopped(async (signal) => {
        expect(signal.aborted).toBe(false)
        process.emit(name)
        expect(signal.aborted).toBe(true)
        return 'handed back'
      })
      expect(outcome).toBe('handed back')
      expect(listeners()).toBe(before)
    },
  )

  test('leaves no listener behind when it fails', async () => {
    const before = listeners()
    await expect(untilStopped(() => Promise.reject(new Error('as the test wants it')))).rejects.toThrow(
      'as the test wants it',
    )
    expect(listeners()).toBe(before)
  })
})
