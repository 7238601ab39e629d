import { describe, expect, test } from 'vitest'
import { createDoor } from '../../coordinator/door.ts'
import { codeOf } from './raw-site.ts'

describe('createDoor()', () => {
  test('closes when all that is inside has ended, well or badly, and lets nothing in meanwhile', async () => {
    const door = createDoor()
    let end = (): void => undefined
    const first = door.enter(() => new Promise<string>((resolve) => (end = () => resolve('done'))))
    const failing = door.enter(() => Promise.reject(new Error('no')))
    let closed = false
    const closing = door.close().then(() => void (closed = true))
    await expect(failing).rejects.toThrow('no')
    expect(await codeOf(door.enter(() => 'late'))).toBe('ERR_CONNECTION_LOST')
    expect(closed).toBe(false)
    end()
    expect(await first).toBe('done')
    await closing
  })

  test('what throws at once is a refusal like any other', async () => {
    const door = createDoor()
    const throwing = (): never => {
      throw new Error('at once')
    }
    await expect(door.enter(throwing)).rejects.toThrow('at once')
    await door.close()
  })
})
