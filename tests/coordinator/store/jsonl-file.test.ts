import { appendFile, copyFile, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openStore, readEvents, submit } from '@tessera/coordinator/store'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { withDatabase } from '../../support/sqlite.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** Written by version 0.1.0 before it had a database: two sites, one round and a bit, a kit, a revocation. 13 lines. */
const RECORDED = fileURLToPath(new URL('recorded/events.jsonl', import.meta.url))
const LAST = { type: 'site.revoked', site: 'north', atMs: 1795576766543 }

async function earlierFolder(): Promise<{ dir: string; file: string }> {
  const dir = await temporaryFolder()
  const file = join(dir, 'events.jsonl')
  await copyFile(RECORDED, file)
  return { dir, file }
}

describe("an earlier version's events.jsonl", () => {
  test('is taken over once, with its checks, and put aside', async () => {
    const { dir, file } = await earlierFolder()
    const before = await readEvents(dir)
    expect(before).toHaveLength(13)
    expect(before.at(-1)).toEqual(LAST)
    const store = await openStore(dir)
    expect(store.events).toEqual(before)
    expect(store.cutBytes).toBe(0)
    await store.append({ ...LAST, site: 'south' } as never)
    await store.close()
    expect(await readFile(`${file}.imported`)).toEqual(await readFile(RECORDED))
    expect(await readdir(dir)).not.toContain('events.jsonl')
    expect(await readEvents(dir)).toEqual([...before, { ...LAST, site: 'south' }])
    const checks = (await readFile(RECORDED, 'utf8')).trim().split('\n')
    const rows = withDatabase(join(dir, 'events.db'), (database) =>
      database.prepare('SELECT checksum FROM tessera_event ORDER BY number LIMIT 13').all(),
    ) as { checksum: string }[]
    expect(rows.map(({ checksum }) => checksum)).toEqual(
      checks.map((line) => (JSON.parse(line) as { check: string }).check),
    )
  })

  test.each([0, 5, 13])('goes on where a taking over was cut off after %d events', async (done) => {
    const { dir, file } = await earlierFolder()
    await (await openStore(dir)).close()
    await copyFile(RECORDED, file)
    withDatabase(join(dir, 'events.db'), (database) => {
      database.exec(`DELETE FROM tessera_event WHERE number > ${done}`)
      database.exec(`UPDATE tessera_head SET count = ${done},
        checksum = coalesce((SELECT checksum FROM tessera_event WHERE number = ${done}), '')`)
    })
    expect(await readEvents(dir)).toHaveLength(13)
    expect(await submit(dir, { ...LAST, site: 'west' } as never)).toBe('stored')
    expect(await readEvents(dir)).toHaveLength(14)
    expect(await readdir(dir)).not.toContain('events.jsonl')
  })

  test('is ERR_STORE_CORRUPT beside a database with other events, and stays', async () => {
    const { dir, file } = await earlierFolder()
    const other = await temporaryFolder()
    await submit(other, LAST as never)
    await copyFile(join(other, 'events.db'), join(dir, 'events.db'))
    await expect(openStore(dir)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    expect(await readFile(file)).toEqual(await readFile(RECORDED))
  })

  test('loses a torn last line wherever the power went, and nothing else', async () => {
    const whole = await readFile(RECORDED)
    const last = whole.subarray(0, -1).lastIndexOf(0x0a) + 1
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: last, max: whole.length - 1 }), async (length) => {
        const { dir, file } = await earlierFolder()
        await writeFile(file, whole.subarray(0, length))
        const store = await openStore(dir)
        expect(store.events).toHaveLength(12)
        expect(store.cutBytes).toBe(length - last)
        await store.close()
      }),
      { numRuns: 10 },
    )
  })

  test('loses zero bytes that a file system left at its end', async () => {
    const { dir, file } = await earlierFolder()
    await appendFile(file, Buffer.concat([Buffer.alloc(100), Buffer.from('x}\n')]))
    const store = await openStore(dir)
    expect(store.events).toHaveLength(13)
    expect(store.cutBytes).toBe(103)
    await store.close()
  })

  test.each([
    [
      'a changed value',
      (lines: string[]) => lines.with(6, (lines[6] ?? '').replace('"samples":1', '"samples":7')),
      7,
    ],
    ['a lost line', (lines: string[]) => lines.toSpliced(1, 1), 2],
    ['a line twice', (lines: string[]) => lines.toSpliced(1, 0, lines[0] ?? ''), 2],
    ['another text', (lines: string[]) => lines.with(0, 'not an event'), 1],
    ['a last line that is whole but changed', (lines: string[]) => lines.with(12, '{}'), 13],
  ])('%s is ERR_STORE_CORRUPT, naming the line, and nothing is taken over', async (_, change, number) => {
    const { dir, file } = await earlierFolder()
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
    await writeFile(file, `${change(lines).join('\n')}\n`)
    const want = { code: 'ERR_STORE_CORRUPT', message: expect.stringContaining(`line ${number} `) }
    await expect(openStore(dir)).rejects.toMatchObject(want)
    await expect(readEvents(dir)).rejects.toMatchObject(want)
    expect(await readdir(dir)).toEqual(expect.arrayContaining(['events.jsonl']))
    expect(await readdir(dir)).not.toContain('events.db')
  })
})
