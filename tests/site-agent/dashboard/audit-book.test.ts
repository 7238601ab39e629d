import { readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openAuditBook } from '../../../site-agent/dashboard/audit-book.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { type Line, writeAudit } from './a-site.ts'

const upload = (round: number, bytes = 1000): Line => ({ kind: 'upload:chunk', study: 'tiny', round, bytes })

async function aBook(lines: readonly Line[], zone = 'UTC') {
  const file = join(await temporaryFolder(), 'audit.jsonl')
  const clock = fakeClock(Date.parse('2026-11-25T23:30:00Z'))
  await writeAudit(file, lines, clock)
  return { file, clock, book: openAuditBook(file, zone) }
}

describe('an audit book', () => {
  test('of a file that is not there is empty', async () => {
    const book = openAuditBook(join(await temporaryFolder(), 'audit.jsonl'), 'UTC')
    await book.refresh()
    expect(book.sums(0)).toMatchObject({ lines: 0, bytes: 0, head: '', studies: [], rounds: [] })
    expect(await book.page({ limit: 10 })).toEqual({ entries: [], next: null })
  })

  test('sums by study, kind, day and round; what asks for an old record is no part of its round', async () => {
    const { book, clock } = await aBook([
      {},
      { kind: 'upload:open', study: 'tiny', round: 1, bytes: 10 },
      upload(1),
      upload(2),
      { kind: 'ledger:fetch', study: 'tiny', round: 1 },
    ])
    await book.refresh()
    const sums = book.sums(clock.now())
    expect(sums).toMatchObject({ lines: 5, bytes: 2012, today: { bytes: 2010, rounds: 1 } })
    expect(sums.studies).toEqual([
      { name: '', frames: 1, bytes: 1 },
      { name: 'tiny', frames: 4, bytes: 2011 },
    ])
    expect(sums.kinds).toContainEqual({ name: 'upload:chunk', frames: 2, bytes: 2000 })
    expect(sums.days).toEqual([{ name: '2026-11-25', frames: 5, bytes: 2012 }])
    expect(sums.rounds.map(({ round, frames, bytes }) => [round, frames, bytes])).toEqual([
      [2, 1, 1000],
      [1, 2, 1010],
    ])
  })

  test('counts days where the policy says', async () => {
    const { book, clock } = await aBook([{}], 'Europe/Berlin')
    await book.refresh()
    expect(book.sums(clock.now()).days).toEqual([{ name: '2026-11-26', frames: 1, bytes: 1 }])
  })

  test('reads on where it stopped', async () => {
    const { book, file, clock } = await aBook([upload(1)])
    await book.refresh()
    await writeAudit(file, [upload(2), upload(3)], clock)
    await book.refresh()
    expect(book.sums(clock.now())).toMatchObject({ lines: 3, bytes: 3000 })
    expect((await book.page({ limit: 10 })).entries.map(({ round }) => round)).toEqual([3, 2, 1])
  })

  test('gives pages from the newest line to the first, over all places in the file', async () => {
    const { book } = await aBook(Array.from({ length: 700 }, (_, i) => upload(i + 1)))
    await book.refresh()
    const seen: number[] = []
    let before: number | undefined
    for (;;) {
      const { entries, next } = await book.page({ before, limit: 90 })
      seen.push(...entries.map(({ seq }) => seq))
      if (next === null) break
      before = next
    }
    expect(seen).toEqual(Array.from({ length: 700 }, (_, i) => 700 - i))
  })

  test('finds by study, kind and day', async () => {
    const { book } = await aBook([
      {},
      upload(1),
      { ...upload(2), study: 'other' },
      { study: 'tiny', kind: 'model:open' },
    ])
    await book.refresh()
    const seqs = async (query: object) =>
      (await book.page({ limit: 10, ...query })).entries.map(({ seq }) => seq)
    expect(await seqs({ study: 'tiny' })).toEqual([4, 2])
    expect(await seqs({ kind: 'upload:chunk' })).toEqual([3, 2])
    expect(await seqs({ study: 'tiny', kind: 'upload:chunk' })).toEqual([2])
    expect(await seqs({ day: '2026-11-25' })).toEqual([4, 3, 2, 1])
    expect(await seqs({ day: '2026-11-24' })).toEqual([])
  })

  test('stops a question that looks too far, and says where it goes on', async () => {
    const { book } = await aBook([{ kind: 'disconnect' }, ...Array.from({ length: 20_000 }, () => ({}))])
    await book.refresh()
    const first = await book.page({ kind: 'disconnect', limit: 10 })
    expect(first).toEqual({ entries: [], next: 2 })
    const second = await book.page({ kind: 'disconnect', limit: 10, before: 2 })
    expect(second.entries.map(({ seq }) => seq)).toEqual([1])
  })

  test('names the line of a log that was changed', async () => {
    const { book, file } = await aBook([upload(1), upload(2), upload(3)])
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.replace('"bytes":1000', '"bytes":1001'))
    await expect(book.refresh()).rejects.toMatchObject({
      code: 'ERR_AUDIT_BROKEN',
      message: 'audit line 2 must continue the chain, got another hash of the line before',
    })
  })

  test('finds a change in what it has read before only when it reads again', async () => {
    const { book, file } = await aBook([upload(1), upload(2)])
    await book.refresh()
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.replace('"bytes":1000', '"bytes":1001'))
    await book.refresh()
    await expect(book.readAgain()).rejects.toMatchObject({ code: 'ERR_AUDIT_BROKEN' })
  })

  test('finds that a log is shorter than it was', async () => {
    const { book, file } = await aBook([upload(1), upload(2)])
    await book.refresh()
    await truncate(file, 100)
    await expect(book.refresh()).rejects.toMatchObject({
      message: 'audit file must keep its 2 lines, got a shorter file',
    })
  })

  test('gives all lines from the first', async () => {
    const { book } = await aBook(Array.from({ length: 300 }, (_, i) => upload(i + 1)))
    await book.refresh()
    const seqs: number[] = []
    for await (const { seq } of book.all()) seqs.push(seq)
    expect(seqs).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
  })
})
