import { appendFile, type FileHandle, open, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '@tessera/shared/security'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type AuditEntry, openAudit, verifyAudit } from '../../../site-agent/uplink/audit.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const frame = (bytes: number) => ({
  kind: 'round:progress',
  bytes,
  sha256: sha256Hex(String(bytes)),
  why: 'test',
})

async function threeLines(): Promise<string> {
  const file = join(await temporaryFolder(), 'site', 'audit.jsonl')
  const log = await openAudit(file, fakeClock(0))
  for (const bytes of [10, 20, 30]) log.append(frame(bytes))
  await log.close()
  return file
}

interface HeldSync {
  resolve(): void
  reject(error: Error): void
}

/** A log whose syncs end when the test says so. */
async function heldSyncs() {
  const file = join(await temporaryFolder(), 'audit.jsonl')
  const log = await openAudit(file, fakeClock())
  const probe = await open(file)
  const prototype = Object.getPrototypeOf(probe) as FileHandle
  await probe.close()
  const syncs: HeldSync[] = []
  const spy = vi
    .spyOn(prototype, 'datasync')
    .mockImplementation(() => new Promise((resolve, reject) => syncs.push({ resolve, reject })))
  onTestFinished(() => spy.mockRestore())
  return { file, syncs, log }
}

describe('openAudit()', () => {
  test('chains each line to the one before', async () => {
    const file = await threeLines()
    const entries: AuditEntry[] = []
    const summary = await verifyAudit(file, (entry) => entries.push(entry))
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
    expect(entries.map(({ seq, bytes }) => [seq, bytes])).toEqual([
      [1, 10],
      [2, 20],
      [3, 30],
    ])
    expect(entries.map(({ previous }) => previous)).toEqual([
      '',
      ...lines.slice(0, 2).map((l) => sha256Hex(l)),
    ])
    expect(entries[0]?.time).toBe('1970-01-01T00:00:00.000Z')
    expect(summary).toMatchObject({
      entries: 3,
      bytes: 60,
      unfinished: false,
      head: sha256Hex(lines[2] ?? ''),
    })
  })

  test('goes on with the chain that is there', async () => {
    const file = await threeLines()
    const log = await openAudit(file, fakeClock())
    log.append(frame(40))
    await log.close()
    expect(await verifyAudit(file)).toMatchObject({ entries: 4, bytes: 100 })
  })

  test('cuts off a line that a power cut left unfinished, for nothing was sent for it', async () => {
    const file = await threeLines()
    const whole = await readFile(file)
    await truncate(file, whole.length - 5)
    expect(await verifyAudit(file)).toMatchObject({ entries: 2, unfinished: true })
    const log = await openAudit(file, fakeClock())
    log.append(frame(40))
    await log.close()
    expect(await verifyAudit(file)).toMatchObject({ entries: 3, bytes: 70, unfinished: false })
  })

  test('is in the file when append returns', async () => {
    const file = join(await temporaryFolder(), 'audit.jsonl')
    const log = await openAudit(file, fakeClock())
    log.append(frame(1))
    expect(await verifyAudit(file)).toMatchObject({ entries: 1 })
    await log.close()
  })

  test('one sync records all lines that are there when it begins, and a later line waits for the next', async () => {
    const { syncs, log } = await heldSyncs()
    log.append(frame(1))
    log.append(frame(2))
    const first = [log.recorded(), log.recorded()]
    log.append(frame(3))
    let third = false
    const later = log.recorded().finally(() => {
      third = true
    })
    expect(syncs).toHaveLength(1)
    syncs[0]?.resolve()
    await Promise.all(first)
    expect(third).toBe(false)
    expect(syncs).toHaveLength(2)
    syncs[1]?.resolve()
    await later
    await log.recorded()
    expect(syncs).toHaveLength(2)
    await log.close()
  })

  test('takes back the lines of a sync that failed, and tells everyone who waits for one', async () => {
    const { file, syncs, log } = await heldSyncs()
    log.append(frame(1))
    const good = log.recorded()
    syncs[0]?.resolve()
    await good
    log.append(frame(2))
    const lost = log.recorded()
    log.append(frame(3))
    const later = log.recorded()
    syncs[1]?.reject(Object.assign(new Error('of the disk'), { code: 'EIO' }))
    const refusal = { code: 'ERR_STORE_WRITE', message: 'audit file must be writable, got EIO' }
    await expect(lost).rejects.toMatchObject(refusal)
    await expect(later).rejects.toMatchObject(refusal)
    log.append(frame(4))
    const again = log.recorded()
    syncs[2]?.resolve()
    await again
    await log.close()
    expect(await verifyAudit(file)).toMatchObject({ entries: 2, bytes: 5, unfinished: false })
  })
})

describe('verifyAudit()', () => {
  test('a file that is not there has no lines', async () => {
    expect(await verifyAudit('/no/such/file')).toMatchObject({ entries: 0, head: '' })
  })

  const change = (from: string, to: string) => (lines: string[]) =>
    lines.map((line) => line.replace(from, to))
  test.each([
    ['a changed size', change('"bytes":10', '"bytes":11'), 2],
    [
      'a changed reason in the last line but one',
      (l: string[]) => [l[0], l[1]?.replace('test', 'x'), l[2]],
      3,
    ],
    ['a dropped first line', (l: string[]) => l.slice(1), 1],
    ['a dropped middle line', (l: string[]) => [l[0], l[2]], 2],
    ['swapped lines', (l: string[]) => [l[1], l[0], l[2]], 1],
    ['a doubled line', (l: string[]) => [l[0], l[0], l[1], l[2]], 2],
    ['a field more', change('"seq":2', '"note":"x","seq":2'), 2],
    ['a line that is no JSON', (l: string[]) => [l[0], 'x', l[2]], 2],
    ['an empty line', (l: string[]) => [l[0], '', l[1], l[2]], 2],
    ['a line of a megabyte', (l: string[]) => [l[0], 'x'.repeat(1 << 20)], 2],
  ])('finds %s', async (_, tamper, line) => {
    const file = await threeLines()
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
    await writeFile(file, `${tamper(lines).join('\n')}\n`)
    await expect(verifyAudit(file)).rejects.toMatchObject({
      code: 'ERR_AUDIT_BROKEN',
      message: expect.stringContaining(`audit line ${line} must continue the chain`),
    })
    await expect(openAudit(file, fakeClock())).rejects.toMatchObject({ code: 'ERR_AUDIT_BROKEN' })
  })

  test('reads lines that lie across the reads of the file', async () => {
    const file = join(await temporaryFolder(), 'audit.jsonl')
    const log = await openAudit(file, fakeClock())
    for (let i = 0; i < 400; i++) log.append(frame(i))
    await log.close()
    expect((await readFile(file)).length).toBeGreaterThan(64 * 1024)
    expect(await verifyAudit(file)).toMatchObject({ entries: 400 })
    await appendFile(file, '{"seq":')
    expect(await verifyAudit(file)).toMatchObject({ entries: 400, unfinished: true })
  })
})
