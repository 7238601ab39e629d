import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isLogDamaged, openEventStore, openSqliteTable, readTable } from '@tessera/coordinator/store'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { withDatabase } from '../../support/sqlite.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const APPENDS = 12
const HEADER = 32
const FRAME = 24 + 4096

interface Crashed {
  /** A folder as a power cut after the last append would leave it: all appends, of two events each, are in the log. */
  readonly db: Buffer
  readonly log: Buffer
  /** Opens it with this log, or this database too, as its writer, and gives its events. */
  readonly open: (log: Buffer, db?: Buffer) => Promise<readonly object[]>
}

async function crashed(): Promise<Crashed> {
  const dir = await temporaryFolder()
  const file = join(dir, 'events.db')
  const store = await openEventStore(await openSqliteTable(file, 'c'), (value) => value as object)
  for (let n = 0; n < APPENDS; n++) await store.append([{ n }, { n: n + 0.5 }])
  const [db, log] = [await readFile(file), await readFile(`${file}-wal`)]
  await store.close()
  return {
    db,
    log,
    async open(changed, changedDb = db) {
      const copy = join(await temporaryFolder(), 'events.db')
      await writeFile(copy, changedDb)
      await writeFile(`${copy}-wal`, changed)
      const table = await openSqliteTable(copy, 'c')
      try {
        return (await readTable(table, (value) => value as object)).events
      } finally {
        await table.close()
      }
    },
  }
}
const flipped = (bytes: Buffer, at: number): Buffer => {
  const changed = Buffer.from(bytes)
  changed[at] = (changed[at] ?? 0) ^ 0x10
  return changed
}
/** Where each transaction ends in the log: after a frame that says how large the database is then. */
function transactionEnds(log: Buffer): number[] {
  const ends: number[] = []
  for (let at = HEADER; at + FRAME <= log.length; at += FRAME) {
    if (log.readUInt32BE(at + 4) !== 0) ends.push(at + FRAME)
  }
  return ends
}

describe('isLogDamaged()', () => {
  test('is false for a log as it is written, also from its start again after it was folded in', async () => {
    const file = join(await temporaryFolder(), 'events.db')
    const store = await openEventStore(await openSqliteTable(file, 'c'), (value) => value as object)
    for (let n = 0; n < 4; n++) await store.append({ n })
    withDatabase(file, (database) => database.exec('PRAGMA wal_checkpoint(PASSIVE)'))
    const long = await readFile(`${file}-wal`)
    await store.append({ n: 4 })
    const again = await readFile(`${file}-wal`)
    expect(again.subarray(16, 24).equals(long.subarray(16, 24))).toBe(false)
    expect(again).toHaveLength(long.length)
    expect([isLogDamaged(long), isLogDamaged(again)]).toEqual([false, false])
    await store.close()
  })

  test('is false for no log, an empty one, and one of zero bytes', () => {
    for (const bytes of [0, 31, 32, 5000]) expect(isLogDamaged(Buffer.alloc(bytes))).toBe(false)
  })

  test('is true for another text', () => {
    expect(isLogDamaged(Buffer.from('another text '.repeat(10)))).toBe(true)
  })

  test('is false for what a write that failed has left behind a shorter one that did not', async () => {
    const { log } = await crashed()
    const [first = 0, second = 0, third = 0] = transactionEnds(log)
    // The second transaction is one frame longer than what is whole of it: frames of the third follow nothing that stands there.
    const left = Buffer.concat([log.subarray(0, first), log.subarray(second, third)])
    expect(isLogDamaged(left)).toBe(false)
  })
})

describe('a database and its log, as a crash leaves them', () => {
  test('with the log cut off anywhere, hold whole appends, up to the cut', async () => {
    const { log, open } = await crashed()
    const all = await open(log)
    expect(all).toHaveLength(2 * APPENDS)
    const ends = transactionEnds(log)
    expect(ends).toHaveLength(APPENDS)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: log.length }), async (length) => {
        const whole = ends.filter((end) => end <= length).length
        expect(await open(log.subarray(0, length))).toEqual(all.slice(0, 2 * whole))
      }),
      { numRuns: 15, examples: [[0], [HEADER - 1], [HEADER], [log.length - 1]] },
    )
  })

  test('with one bit of the log changed, are ERR_STORE_CORRUPT; in the last append it goes, like one that was cut off', async () => {
    const { log, open } = await crashed()
    const last = transactionEnds(log).at(-2) ?? 0
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: log.length - 1 }), async (at) => {
        const opening = open(flipped(log, at))
        if (at >= last) expect(await opening).toHaveLength(2 * APPENDS - 2)
        else await expect(opening).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
      }),
      { numRuns: 40, examples: [[0], [17], [HEADER + 100], [last - 1], [last - FRAME + 5], [last]] },
    )
  })

  test('with any bit of the database file changed, are as they were or refused', async () => {
    const { db, log, open } = await crashed()
    const all = await open(log)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: db.length - 1 }), async (at) => {
        const outcome = await open(log, flipped(db, at)).catch(({ code }: { code: string }) => code)
        if (typeof outcome === 'string') expect(outcome).toMatch(/^ERR_STORE_(CORRUPT|NEWER|FOREIGN)$/)
        else expect(outcome).toEqual(all)
      }),
      { numRuns: 30 },
    )
  })
})
