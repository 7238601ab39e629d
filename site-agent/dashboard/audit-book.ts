/**
 * @file The audit log for a reader who comes back: sums of what is there, and pages of its lines from the disk. Lines that have been read are not read again
 * but to check them; of them this file keeps the sums, and the place of every 256th. Nothing here writes, locks, or is waited for by what does.
 */
import { open, stat } from 'node:fs/promises'
import type { DepartedRound, Sum } from '@tessera/shared/dashboard/site-view'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing } from '@tessera/shared/files'
import { createTotals, dayIn } from '../policy/index.ts'
import { type AuditEntry, type AuditSummary, readEntry, verifyAudit } from '../uplink/audit.ts'

/** Lines between two places that are kept: a block of them is 100 kB, read at once. */
const BLOCK_LINES = 256
/** Lines that one question may look through, so that a filter nobody fits is answered in some 100 ms, and goes on from there. */
const MAX_LINES_SCANNED = 20_000
const DAYS_SHOWN = 31
const ROUNDS_SHOWN = 50

export interface BookSums {
  readonly lines: number
  readonly bytes: number
  readonly head: string
  readonly today: { readonly bytes: number; readonly rounds: number }
  readonly studies: readonly Sum[]
  readonly kinds: readonly Sum[]
  readonly days: readonly Sum[]
  readonly rounds: readonly Omit<DepartedRound, 'receiptAtMs'>[]
}

export interface PageQuery {
  /** Lines before this one; absent: from the newest. */
  readonly before?: number | undefined
  readonly study?: string | undefined
  readonly kind?: string | undefined
  /** A local day, `2026-11-25`. */
  readonly day?: string | undefined
  readonly limit: number
}

export interface AuditBook {
  /** Reads what was written since. @throws {TesseraError} ERR_AUDIT_BROKEN */
  refresh(): Promise<void>
  /** Reads all of it again. @throws {TesseraError} ERR_AUDIT_BROKEN */
  readAgain(): Promise<void>
  sums(nowMs: number): BookSums
  /** The newest lines first. @throws {TesseraError} ERR_AUDIT_BROKEN */
  page(query: PageQuery): Promise<{ readonly entries: readonly AuditEntry[]; readonly next: number | null }>
  /** All lines that were read, from the first. */
  all(): AsyncGenerator<AuditEntry>
}

/** Opens a file that need not exist. Nothing is read yet. @param timeZone Whose days are counted. */
export function openAuditBook(file: string, timeZone: string): AuditBook {
  let read: AuditSummary | undefined
  let tally = emptyTally(timeZone)
  /** Of each block's first line. */
  let places: number[] = []
  const dayOf = dayIn(timeZone)
  let busy: Promise<unknown> = Promise.resolve()

  const note = (entry: AuditEntry, startByte: number): void => {
    if ((entry.seq - 1) % BLOCK_LINES === 0) places.push(startByte)
    tally.add(entry)
  }
  const readOn = async (): Promise<void> => {
    const size = await sizeOf(file)
    if (read !== undefined && size < read.wholeBytes) {
      throw new TesseraError(
        'ERR_AUDIT_BROKEN',
        `audit file must keep its ${read.entries} lines, got a shorter file`,
      )
    }
    if (read !== undefined && size === read.wholeBytes) return
    read = await verifyAudit(file, note, read)
  }
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = busy.then(work)
    busy = done.catch(() => undefined)
    return done
  }
  const block = async (index: number): Promise<AuditEntry[]> => {
    const start = places[index] ?? 0
    const end = places[index + 1] ?? read?.wholeBytes ?? 0
    return readBlock(file, start, end, index * BLOCK_LINES + 1)
  }

  return {
    refresh: () => inTurn(readOn),
    readAgain: () =>
      inTurn(async () => {
        read = undefined
        tally = emptyTally(timeZone)
        places = []
        await readOn()
      }),
    sums: (nowMs) => ({
      lines: read?.entries ?? 0,
      bytes: read?.bytes ?? 0,
      head: read?.head ?? '',
      ...tally.sums(nowMs),
    }),
    async page({ before = Number.POSITIVE_INFINITY, study, kind, day, limit }) {
      const found: AuditEntry[] = []
      const newest = Math.min(before - 1, read?.entries ?? 0)
      let scanned = 0
      let lowest = newest + 1
      for (let index = Math.floor((newest - 1) / BLOCK_LINES); index >= 0; index--) {
        for (const entry of (await block(index)).toReversed()) {
          if (entry.seq > newest) continue
          const fits =
            (study === undefined || entry.study === study) &&
            (kind === undefined || entry.kind === kind) &&
            (day === undefined || dayOf(Date.parse(entry.time)) === day)
          if (fits) found.push(entry)
          lowest = entry.seq
          if (found.length === limit || ++scanned === MAX_LINES_SCANNED)
            return { entries: found, next: more(lowest) }
        }
      }
      return { entries: found, next: null }
    },
    async *all() {
      const blocks = places.length
      for (let index = 0; index < blocks; index++) yield* await block(index)
    },
  }
}

function more(lowest: number): number | null {
  return lowest > 1 ? lowest : null
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    (cause: unknown) => {
      if (isMissing(cause)) return 0
      throw cause
    },
  )
}

async function readBlock(file: string, start: number, end: number, firstSeq: number): Promise<AuditEntry[]> {
  const handle = await open(file)
  try {
    const bytes = Buffer.alloc(end - start)
    await handle.read(bytes, 0, bytes.length, start)
    const lines = bytes.toString('utf8').split('\n').slice(0, -1)
    return lines.map((line, i) => readEntry(line, firstSeq + i))
  } finally {
    await handle.close()
  }
}

type Round = Omit<DepartedRound, 'receiptAtMs'>

function emptyTally(timeZone: string) {
  const totals = createTotals(timeZone)
  const dayOf = dayIn(timeZone)
  const [studies, kinds, days] = [sumsByName(), sumsByName(), sumsByName()]
  /** The oldest first. */
  const rounds = new Map<string, Round>()
  return {
    add(entry: AuditEntry): void {
      const { study, kind, bytes, time, round } = entry
      const atMs = Date.parse(time)
      totals.add(entry)
      studies.add(study ?? '', bytes)
      kinds.add(kind, bytes)
      days.add(dayOf(atMs), bytes)
      // What asks for the record of an old round is no part of it.
      if (study === undefined || round === undefined || !/^(upload|round):/.test(kind)) return
      const key = `${study} ${round}`
      const before = rounds.get(key) ?? { study, round, frames: 0, bytes: 0, firstAtMs: atMs, lastAtMs: atMs }
      rounds.set(key, { ...before, frames: before.frames + 1, bytes: before.bytes + bytes, lastAtMs: atMs })
      const [oldest] = rounds.keys()
      if (rounds.size > ROUNDS_SHOWN && oldest !== undefined) rounds.delete(oldest)
    },
    sums: (nowMs: number): Omit<BookSums, 'lines' | 'bytes' | 'head'> => ({
      today: totals.day(nowMs),
      studies: studies.all(),
      kinds: kinds.all(),
      days: days.all().toReversed().slice(0, DAYS_SHOWN),
      rounds: [...rounds.values()].toReversed(),
    }),
  }
}

function sumsByName() {
  const sums = new Map<string, Sum>()
  return {
    add(name: string, bytes: number): void {
      const { frames, bytes: before } = sums.get(name) ?? { frames: 0, bytes: 0 }
      sums.set(name, { name, frames: frames + 1, bytes: before + bytes })
    },
    all: (): Sum[] => [...sums.values()],
  }
}
