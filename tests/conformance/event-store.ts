/** @file What every store of events must do, run on each database: event-store.test.ts and event-store.postgres.test.ts. */
import { type EventStore, type EventTable, openEventStore, readTable } from '@tessera/coordinator/store'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { sourceUrl, startScript } from '../support/script.ts'

const event = z.strictObject({ type: z.literal('counted'), n: z.int(), text: z.string() })
export type Event = z.infer<typeof event>
export const parse = (value: unknown): Event => event.parse(value)
export const anEvent = (n: number, text = `line "${n}"\n`): Event => ({ type: 'counted', n, text })
export const events = (...numbers: readonly number[]): Event[] => numbers.map((n) => anEvent(n))

/** One coordinator's place in a database, empty at first. */
export interface Place {
  /** As its writer. */
  table(): Promise<EventTable>
  /** Beside a writer; null if there is nothing yet. */
  reader(): Promise<Pick<EventTable, 'scan' | 'close'> | null>
  /** Source text that gives {@link Place.table} in another process, which imports the store as `store`. */
  readonly tableSource: string
  /** Changes the rows behind the store's back. No writer is open. */
  sql(...statements: readonly string[]): Promise<void>
}

/** Opens the store of a place. */
export async function open(place: Place): Promise<EventStore<Event>> {
  return openEventStore(await place.table(), parse)
}

/** What a reader sees now. */
export async function read(place: Place): Promise<readonly Event[]> {
  const table = await place.reader()
  if (table === null) return []
  const { events } = await readTable(table, parse)
  await table.close()
  return events
}

/** Describes what holds for every database. */
export function describeEventStore(name: string, empty: () => Promise<Place>): void {
  /** A place with events 1, 2, 3. */
  const filled = async (): Promise<Place> => {
    const place = await empty()
    const store = await open(place)
    await store.append(events(1, 2, 3))
    await store.close()
    return place
  }
  const refusal = async (place: Place): Promise<unknown> => {
    const table = await place.table()
    return openEventStore(table, parse).then(
      () => new Error('opened'),
      async (cause: unknown) => {
        await table.close()
        return cause
      },
    )
  }

  describe(`a store in ${name}`, () => {
    test('is empty at first, and gives back what was appended, in order', async () => {
      const place = await empty()
      expect(await read(place)).toEqual([])
      const store = await open(place)
      expect(store.events).toEqual([])
      // Not waited for one by one: calls are carried out one after the other.
      await Promise.all([store.append(anEvent(1)), store.append(events(2, 3)), store.append(anEvent(4))])
      await store.append([])
      await store.close()
      const again = await open(place)
      expect(again.events).toEqual(events(1, 2, 3, 4))
      await again.append(anEvent(5))
      await again.close()
      expect(await read(place)).toEqual(events(1, 2, 3, 4, 5))
    })

    test('any of its events is read by its number, which appending gives; one that is not there is ERR_STORE_CORRUPT', async () => {
      const place = await filled()
      const store = await open(place)
      expect(await store.append(events(4, 5))).toBe(5)
      expect(await store.append([])).toBe(5)
      for (const n of [1, 3, 5]) expect(await store.read(n)).toEqual(anEvent(n))
      for (const n of [0, 6]) await expect(store.read(n)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
      await store.close()
    })

    test('forgets what it was opened with, and goes on from there', async () => {
      const place = await filled()
      const store = await open(place)
      store.forget()
      expect(store.events).toEqual([])
      await store.append(anEvent(4))
      expect(await store.read(2)).toEqual(anEvent(2))
      await store.close()
      expect(await read(place)).toEqual(events(1, 2, 3, 4))
    })

    test('any text comes back as it was', async () => {
      const place = await empty()
      const all: Event[] = []
      await fc.assert(
        fc.asyncProperty(fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 }), async (texts) => {
          const store = await open(place)
          expect(store.events).toEqual(all)
          const added = texts.map((text, i) => anEvent(all.length + i, text))
          await store.append(added)
          all.push(...added)
          await store.close()
        }),
        { numRuns: 20 },
      )
      expect(await read(place)).toEqual(all)
    })

    test('is read beside its writer, between any two appends', async () => {
      const place = await empty()
      const store = await open(place)
      const reader = await place.reader()
      for (const n of [1, 2, 3]) {
        await store.append(anEvent(n))
        expect((await read(place)).at(-1)).toEqual(anEvent(n))
      }
      await reader?.close()
      await store.close()
    })

    test('keeps more events than one page of a query', async () => {
      const place = await empty()
      const store = await open(place)
      const many = Array.from({ length: 12_345 }, (_, i) => anEvent(i, ''))
      await store.append(many)
      await store.close()
      expect(await read(place)).toEqual(many)
    })

    test('several events are kept together or not at all', async () => {
      const place = await filled()
      const store = await open(place)
      // The second cannot be JSON.
      const unwritable = { ...anEvent(5), toJSON: () => { throw new Error('no') } } // biome-ignore format: one line
      await expect(store.append([anEvent(4), unwritable])).rejects.toThrow('no')
      expect(await read(place)).toEqual(events(1, 2, 3))
      await store.append(events(4, 5))
      await store.close()
      expect(await read(place)).toEqual(events(1, 2, 3, 4, 5))
    })

    test('an append whose rows the database refuses changes nothing, and the next one follows', async () => {
      const place = await filled()
      const table = await place.table()
      const head = await table.scan(() => undefined)
      const row = (number: number) => ({ number, json: '{}', checksum: 'x' })
      // Number 3 is taken: the rows before it must go again.
      await expect(table.append([row(4), row(3)], head, { count: 5, checksum: 'x' })).rejects.toMatchObject({
        code: 'ERR_STORE_WRITE',
      })
      await table.close()
      const store = await open(place)
      expect(store.events).toEqual(events(1, 2, 3))
      await store.append(anEvent(4))
      await store.close()
      expect(await read(place)).toEqual(events(1, 2, 3, 4))
    })

    test('a writer that another one has overtaken is ERR_STORE_LOCKED and writes nothing', async () => {
      const place = await filled()
      const table = await place.table()
      const row = { number: 4, json: '{}', checksum: 'x' }
      await expect(
        table.append([row], { count: 2, checksum: 'y' }, { count: 4, checksum: 'x' }),
      ).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
      await table.close()
      expect(await read(place)).toEqual(events(1, 2, 3))
    })

    test('a closed store takes no event', async () => {
      const store = await open(await filled())
      await store.close()
      await store.close()
      await expect(store.append(anEvent(4))).rejects.toMatchObject({ code: 'ERR_STORE_WRITE' })
    })

    test('a process that is killed leaves whole appends only, and all that it had confirmed', async () => {
      const place = await empty()
      let count = 0
      for (let kill = 0; kill < 3; kill++) {
        const confirmed = await killedWhileAppending(place, count, 4 + kill)
        const seen = await read(place)
        expect(seen).toEqual(Array.from(seen, (_, n) => anEvent(n)))
        expect(seen.length % 3).toBe(0)
        // The one that was under way may have gone in.
        expect([confirmed, confirmed + 3]).toContain(seen.length)
        count = seen.length
      }
      const store = await open(place)
      expect(store.events).toHaveLength(count)
      await store.append(anEvent(count))
      await store.close()
      expect(await read(place)).toHaveLength(count + 1)
    })

    test.each<[string, number, readonly string[]]>([
      [
        'a changed event',
        2,
        [`UPDATE tessera_event SET event = replace(event, ':2', ':7') WHERE number = 2`],
      ],
      ['a changed checksum', 2, [`UPDATE tessera_event SET checksum = 'ab' WHERE number = 2`]],
      ['a lost event', 2, ['DELETE FROM tessera_event WHERE number = 2']],
      ['a lost last event', 3, ['DELETE FROM tessera_event WHERE number = 3']],
      ['all events lost', 1, ['DELETE FROM tessera_event']],
      [
        'two events that are swapped',
        1,
        [
          'UPDATE tessera_event SET number = 9 WHERE number = 1',
          'UPDATE tessera_event SET number = 1 WHERE number = 2',
          'UPDATE tessera_event SET number = 2 WHERE number = 9',
        ],
      ],
      ['an event under another number', 3, ['UPDATE tessera_event SET number = 4 WHERE number = 3']],
      ['another head', 3, [`UPDATE tessera_head SET checksum = 'ab'`]],
      ['a head that is further on', 4, ['UPDATE tessera_head SET count = 4']],
      ['a head that is behind', 3, ['UPDATE tessera_head SET count = 2']],
    ])('%s is ERR_STORE_CORRUPT, naming event %d', async (_, number, statements) => {
      const place = await filled()
      await place.sql(...statements)
      const want = {
        code: 'ERR_STORE_CORRUPT',
        message: expect.stringContaining(`event ${number} of the store `),
      }
      expect(await refusal(place)).toMatchObject(want)
      await expect(read(place)).rejects.toMatchObject(want)
    })

    test('an added event is ERR_STORE_CORRUPT, even one that continues the chain', async () => {
      const place = await filled()
      const store = await open(place)
      await store.append(anEvent(4))
      await store.close()
      await place.sql(`UPDATE tessera_head SET count = 3`)
      expect(await refusal(place)).toMatchObject({
        code: 'ERR_STORE_CORRUPT',
        message: 'event 4 of the store must not be there, got one',
      })
    })

    test('an event of a newer version is ERR_STORE_NEWER, naming it, and is neither skipped nor changed', async () => {
      const place = await filled()
      const newer = await openEventStore(await place.table(), (value) => value as object)
      await newer.append([{ type: 'site.promoted', site: 'north' }, anEvent(5)])
      await newer.close()
      const want = {
        code: 'ERR_STORE_NEWER',
        message: 'event 4 of the store must be one that this version knows, got site.promoted',
      }
      expect(await refusal(place)).toMatchObject(want)
      await expect(read(place)).rejects.toMatchObject(want)
      const again = await openEventStore(await place.table(), (value) => value as object)
      expect(again.events).toHaveLength(5)
      await again.close()
    })
  })
}

/**
 * Lets another process append three events at a time, and kills it after some times.
 * @returns How many events it was told are safe, counting the `count` that were there.
 */
async function killedWhileAppending(place: Place, count: number, times: number): Promise<number> {
  const child = await startScript(`
    import { writeSync } from 'node:fs'
    import * as store from ${sourceUrl('coordinator/store/index.ts')}
    const events = await store.openEventStore(await ${place.tableSource}, (value) => value)
    const anEvent = (n) => ({ type: 'counted', n, text: \`line "\${n}"\\n\` })
    for (let n = ${count}; ; n += 3) {
      await events.append([anEvent(n), anEvent(n + 1), anEvent(n + 2)])
      writeSync(1, \`\${n + 3}\\n\`)
    }`)
  while (child.lines.length < times) await child.next()
  await child.kill()
  return Number(child.lines.at(-1))
}
