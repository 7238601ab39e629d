import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openEventLog, readEventLog } from '@tessera/coordinator/store'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const event = z.strictObject({ n: z.int(), text: z.string() })
type Event = z.infer<typeof event>
const parse = (value: unknown): Event => event.parse(value)
const anEvent = (n: number): Event => ({ n, text: `line "${n}"\n` })

/** A log file with three events. */
async function threeEvents(): Promise<string> {
  const file = join(await temporaryFolder(), 'events.jsonl')
  const log = await openEventLog(file, parse)
  await Promise.all([1, 2, 3].map((n) => log.append(anEvent(n))))
  await log.close()
  return file
}

describe('openEventLog()', () => {
  test('what was appended is there again, in order', async () => {
    const file = await threeEvents()
    const log = await openEventLog(file, parse)
    expect(log.events).toEqual([1, 2, 3].map(anEvent))
    await log.append(anEvent(4))
    await log.close()
    expect((await readEventLog(file, parse)).events).toEqual([1, 2, 3, 4].map(anEvent))
  })

  test('each event is one line', async () => {
    const lines = (await readFile(await threeEvents(), 'utf8')).split('\n')
    expect(lines).toHaveLength(4)
    expect(lines[3]).toBe('')
  })

  test('a torn last line is cut off wherever the power went, and the log goes on', async () => {
    const file = await threeEvents()
    const whole = await readFile(file)
    const last = whole.subarray(0, -1).lastIndexOf(0x0a) + 1
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: last, max: whole.length - 1 }), async (length) => {
        await writeFile(file, whole.subarray(0, length))
        const log = await openEventLog(file, parse)
        expect(log.events).toEqual([1, 2].map(anEvent))
        expect(log.cutBytes).toBe(length - last)
        await log.append(anEvent(9))
        await log.close()
        expect((await readEventLog(file, parse)).events).toEqual([1, 2, 9].map(anEvent))
      }),
      { numRuns: 20 },
    )
  })

  test('zero bytes that a file system left at the end are cut off too', async () => {
    const file = await threeEvents()
    await appendFile(file, Buffer.concat([Buffer.alloc(100), Buffer.from('x}\n')]))
    const log = await openEventLog(file, parse)
    expect(log.events).toHaveLength(3)
    expect(log.cutBytes).toBe(103)
    await log.close()
  })

  test.each([
    ['a changed value', (lines: string[]) => lines.with(1, (lines[1] ?? '').replace('"n":2', '"n":7')), 2],
    ['a lost line', (lines: string[]) => lines.toSpliced(1, 1), 2],
    ['a line twice', (lines: string[]) => lines.toSpliced(1, 0, lines[0] ?? ''), 2],
    ['another text', (lines: string[]) => lines.with(0, 'not an event'), 1],
    ['a last line that is whole but changed', (lines: string[]) => lines.with(2, '{}'), 3],
  ])('%s is ERR_STORE_CORRUPT, naming the line', async (_, change, number) => {
    const file = await threeEvents()
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
    await writeFile(file, `${change(lines).join('\n')}\n`)
    await expect(openEventLog(file, parse)).rejects.toMatchObject({
      code: 'ERR_STORE_CORRUPT',
      message: expect.stringContaining(`line ${number} `),
    })
  })

  test('an event that cannot be written is ERR_STORE_WRITE', async () => {
    const log = await openEventLog(await threeEvents(), parse)
    await log.close()
    await expect(log.append(anEvent(4))).rejects.toMatchObject({ code: 'ERR_STORE_WRITE' })
  })
})
