import { chmod, copyFile, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  openEventStore,
  openSqliteTable,
  openStore,
  readEvents,
  readSqliteTable,
  readTable,
  submit,
} from '@tessera/coordinator/store'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rejectionOf } from '../../support/errors.ts'
import { sourceUrl, startScript } from '../../support/script.ts'
import { withDatabase } from '../../support/sqlite.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const anything = (value: unknown): object => value as object
const revoked = (site: string) => ({ type: 'site.revoked', site, atMs: 1 }) as const

/** A closed database with some pages of events; gives them too. */
async function filled(count = 300): Promise<{ file: string; events: object[] }> {
  const file = join(await temporaryFolder(), 'events.db')
  const store = await openEventStore(await openSqliteTable(file, 'c'), anything)
  const events = Array.from({ length: count }, (_, n) => ({ n, text: `event ${n} `.repeat(5) }))
  await store.append(events)
  await store.close()
  return { file, events }
}

async function opened(file: string): Promise<readonly object[]> {
  const table = await openSqliteTable(file, 'c')
  try {
    return (await readTable(table, anything)).events
  } finally {
    await table.close()
  }
}

async function readBeside(file: string): Promise<readonly object[]> {
  const table = await readSqliteTable(file, 'c')
  if (table === null) return []
  try {
    return (await readTable(table, anything)).events
  } finally {
    await table.close()
  }
}

/** Runs `work` as a user who may write nothing here, whoever runs the tests. */
async function asStranger<T>(work: () => Promise<T>): Promise<T> {
  const root = process.geteuid?.() === 0
  if (root) process.seteuid?.(65534)
  try {
    return await work()
  } finally {
    if (root) process.seteuid?.(0)
  }
}

describe('a damaged events.db', () => {
  test('with any byte changed, is as it was or refused: never other events', async () => {
    const { file, events } = await filled()
    const bytes = await readFile(file)
    expect(bytes.length).toBeGreaterThan(30_000)
    let refused = 0
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, by) => {
          const copy = join(await temporaryFolder(), 'events.db')
          await writeFile(copy, bytes.with(at, (bytes[at] ?? 0) ^ by))
          const outcome = await opened(copy).catch(({ code }: { code: string }) => code)
          if (typeof outcome === 'string') {
            refused++
            expect(outcome).toMatch(/^ERR_STORE_(CORRUPT|NEWER|FOREIGN|WRITE)$/)
          } else expect(outcome).toEqual(events)
        },
      ),
      {
        numRuns: 100,
        examples: [
          [18, 1],
          [19, 1],
          [63, 2],
          [bytes.length - 1, 1],
          [28, 255],
          [4096, 255],
        ],
      },
    )
    expect(refused).toBeGreaterThan(30)
  })

  test('with a block of bytes overwritten in the middle, is ERR_STORE_CORRUPT and left as it is', async () => {
    const { file } = await filled()
    const bytes = await readFile(file)
    const damaged = Buffer.concat([
      bytes.subarray(0, 20_000),
      Buffer.alloc(512, 0xa5),
      bytes.subarray(20_512),
    ])
    await writeFile(file, damaged)
    await expect(opened(file)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    expect((await readFile(file)).equals(damaged)).toBe(true)
  })

  test.each([
    ['is empty', () => Buffer.alloc(0)],
    ['is cut off', (bytes: Buffer) => bytes.subarray(0, 10_000)],
    ['is another text', () => Buffer.from('another text '.repeat(1000))],
  ])('that %s is ERR_STORE_CORRUPT, and is not made anew', async (_, change) => {
    const { file } = await filled()
    await writeFile(file, change(await readFile(file)))
    await expect(opened(file)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    await expect(readBeside(file)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
  })

  test("is told from another program's database, another coordinator's and a newer version's", async () => {
    const file = join(await temporaryFolder(), 'events.db')
    withDatabase(file, (database) => database.exec('CREATE TABLE notes (text TEXT)'))
    await expect(opened(file)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    const { file: ours } = await filled()
    await expect(openSqliteTable(ours, 'd')).rejects.toMatchObject({ code: 'ERR_STORE_FOREIGN' })
    withDatabase(ours, (database) => database.exec('PRAGMA user_version = 2'))
    await expect(opened(ours)).rejects.toMatchObject({
      code: 'ERR_STORE_NEWER',
      message: 'store must have version 1 of its tables, got 2',
    })
  })
})

describe('a folder that cannot be written', () => {
  test('is ERR_STORE_WRITE for a writer, and can be read', async () => {
    const [made, dir] = [await temporaryFolder(), await temporaryFolder()]
    await submit(made, revoked('north'))
    // A copy: SQLite would use its own earlier opening of the file again, whoever we are now.
    await copyFile(join(made, 'events.db'), join(dir, 'events.db'))
    await chmod(join(dir, 'events.db'), 0o444)
    await chmod(dir, 0o555)
    try {
      await asStranger(async () => {
        expect(await rejectionOf(openStore(dir))).toMatchObject({ code: 'ERR_STORE_WRITE' })
        const file = join(dir, 'events.db')
        expect(await rejectionOf(openSqliteTable(file, ''))).toMatchObject({ code: 'ERR_STORE_WRITE' })
        expect(await readEvents(dir)).toEqual([revoked('north')])
      })
    } finally {
      await chmod(dir, 0o755)
    }
  })

  test('a database that was moved away while it is open takes no event', async () => {
    const { file } = await filled(1)
    const store = await openEventStore(await openSqliteTable(file, 'c'), anything)
    await rename(file, `${file}.away`)
    await expect(store.append({ n: 1 })).rejects.toMatchObject({ code: 'ERR_STORE_WRITE' })
    await rename(`${file}.away`, file)
    await store.append({ n: 2 })
    await store.close()
    expect((await opened(file)).at(-1)).toEqual({ n: 2 })
  })
})

describe('two processes at once', () => {
  test('the second is ERR_STORE_LOCKED, reads, and gives its commands to the first', async () => {
    const dir = await temporaryFolder()
    const child = await startScript(`
      import * as store from ${sourceUrl('coordinator/store/index.ts')}
      const first = await store.openStore(${JSON.stringify(dir)})
      await first.append(${JSON.stringify(revoked('north'))})
      console.log('open')
      process.once('SIGUSR1', async () => {
        await first.collectCommands((event) => first.append(event))
        console.log('collected')
      })
      setInterval(() => undefined, 1000)`)
    expect(await child.next()).toBe('open')
    await expect(openStore(dir)).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
    expect(await readEvents(dir)).toEqual([revoked('north')])
    expect(await submit(dir, revoked('south'))).toBe('posted')
    process.kill(child.pid, 'SIGUSR1')
    expect(await child.next()).toBe('collected')
    expect(await readEvents(dir)).toEqual([revoked('north'), revoked('south')])
    await child.kill()
    expect(await submit(dir, revoked('west'))).toBe('stored')
    expect(await readEvents(dir)).toHaveLength(3)
  })

  test('past the lock of the folder, the one that writes later is ERR_STORE_LOCKED and changes nothing', async () => {
    const { file } = await filled(1)
    const [first, second] = await Promise.all([openSqliteTable(file, 'c'), openSqliteTable(file, 'c')])
    const [one, other] = await Promise.all([first, second].map((table) => openEventStore(table, anything)))
    await one?.append({ n: 1 })
    await expect(other?.append({ n: 'other' })).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
    await one?.append({ n: 2 })
    await one?.close()
    await other?.close()
    expect((await opened(file)).slice(1)).toEqual([{ n: 1 }, { n: 2 }])
  })
})

describe('a copy of the folder', () => {
  test('as a snapshot of the file system gives it while the coordinator runs, is whole', async () => {
    const [dir, copy] = [await temporaryFolder(), await temporaryFolder()]
    const store = await openStore(dir)
    for (const site of ['north', 'south']) await store.append(revoked(site))
    for (const name of ['events.db', 'events.db-wal']) await copyFile(join(dir, name), join(copy, name))
    await store.append(revoked('west'))
    expect(await readEvents(copy)).toEqual([revoked('north'), revoked('south')])
    await store.close()
    expect(await readdir(dir)).toContain('events.db')
  })
})
