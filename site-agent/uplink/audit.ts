/**
 * @file The site's own record of everything that left: one JSON line a frame, on the disk before the frame is sent.
 *
 * Lines are written one by one and synced together: a sync takes milliseconds, and frames that leave together wait for one.
 *
 * Each line holds the SHA-256 of the line before, so a line that is changed, dropped, added or moved breaks the chain from there on. Lines cut
 * off at the end leave a shorter chain that is whole: who wants to notice that keeps the last line's hash elsewhere.
 */
import { createReadStream, ftruncateSync, writeSync } from 'node:fs'
import { mkdir, open, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing, survivesPowerCuts } from '@tessera/shared/files'
import { sha256Hex } from '@tessera/shared/security'
import { z } from 'zod'

const digest = z.string().regex(/^[0-9a-f]{64}$/)
const auditEntry = z.strictObject({
  /** 1, 2, 3 … */
  seq: z.int().positive(),
  /** When the line was written, ISO 8601 in UTC. */
  time: z.string(),
  /** The message's name, or `connect`, `answer`, `disconnect`. */
  kind: z.string(),
  /** Size of the frame. */
  bytes: z.int().min(0),
  /** SHA-256 of the frame; of one that carries a chunk, of the same frame with the chunk's SHA-256 in the chunk's place. */
  sha256: digest,
  /** Why the gate let it pass. */
  why: z.string(),
  /** What the frame belongs to, where it belongs to one: limits and sums are counted by it. */
  study: z.string().optional(),
  round: z.int().positive().optional(),
  /** SHA-256 of the line before without its line feed; `''` in the first. */
  previous: digest.or(z.literal('')),
})
export type AuditEntry = z.infer<typeof auditEntry>

/** Appends to the site's audit file. */
export interface AuditLog {
  /** Puts a line after all others; {@link AuditLog.recorded} tells when it is on the disk. @throws {TesseraError} ERR_STORE_WRITE */
  append(entry: Omit<AuditEntry, 'seq' | 'time' | 'previous'>): void
  /**
   * Fulfilled when every line that has been appended is on the disk. When that fails, the lines since the last success are taken back, and
   * everyone who waits for one of them is told: their frames must not leave.
   * @throws {TesseraError} ERR_STORE_WRITE
   */
  recorded(): Promise<void>
  /** Waits for the lines that are there. */
  close(): Promise<void>
}

/** How far a file was read, and where it goes on. */
export interface AuditSummary {
  readonly entries: number
  /** Sum of the frames' sizes. */
  readonly bytes: number
  /** SHA-256 of the last line; `''` when there is none. */
  readonly head: string
  /** Length of the file's whole lines. */
  readonly wholeBytes: number
  /** True when the file ends within a line: the machine stopped while writing it, so its frame was never sent. */
  readonly unfinished: boolean
}

/** Longest line: the longest reason is about 300 characters; a longer line was not written here. */
const MAX_LINE_BYTES = 4096

/**
 * Opens the audit file for appending, after checking its chain. An unfinished last line is cut off: nothing was sent for it.
 * @param onEntry Called with every line: those that are there, then each that is added. What counts lines sees all of them once.
 * @throws {TesseraError} ERR_AUDIT_BROKEN
 */
export async function openAudit(
  file: string,
  clock: Clock,
  onEntry: (entry: AuditEntry) => void = () => undefined,
): Promise<AuditLog> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const { entries, head, wholeBytes, unfinished } = await verifyAudit(file, onEntry)
  if (unfinished) await truncate(file, wholeBytes)
  const handle = await open(file, 'a', 0o600)
  /** Where the chain ends. */
  let end = { seq: entries, head, bytes: wholeBytes }
  /** How far it is on the disk. */
  let safe = end
  let syncing: Promise<void> | null = null
  /** The file may go on after `end`: what failed there is cut off before the next line. */
  let torn = false

  const sync = async (): Promise<void> => {
    const reached = end
    try {
      await handle.datasync()
      safe = reached
    } catch (cause) {
      // The system may have dropped what it could not write, and would report the next sync as a success.
      end = safe
      torn = true
      throw unwritable(cause)
    } finally {
      syncing = null
    }
  }
  const recorded = async (): Promise<void> => {
    // The system has the lines.
    if (!survivesPowerCuts(file)) return
    const { seq } = end
    while (safe.seq < seq) {
      syncing ??= sync()
      await syncing
    }
  }
  return {
    append(told) {
      const time = new Date(clock.now()).toISOString()
      const entry = { seq: end.seq + 1, time, ...told, previous: end.head }
      const line = JSON.stringify(entry)
      const bytes = Buffer.from(`${line}\n`)
      try {
        if (torn) ftruncateSync(handle.fd, end.bytes)
        // Until it is whole.
        torn = true
        // Synchronous: the encoder that asks is, and no other frame may come between the line and its frame.
        for (let written = 0; written < bytes.length; ) written += writeSync(handle.fd, bytes, written)
        torn = false
      } catch (cause) {
        throw unwritable(cause)
      }
      end = { seq: entry.seq, head: sha256Hex(line), bytes: end.bytes + bytes.length }
      onEntry(entry)
    },
    recorded,
    async close() {
      // Who waits for a line has been told; the next opening looks at what is there.
      await recorded().catch(() => undefined)
      await handle.close()
    },
  }
}

const BEGINNING: AuditSummary = { entries: 0, bytes: 0, head: '', wholeBytes: 0, unfinished: false }

/**
 * Reads the file, checks its chain, and calls `onEntry` with each line and the byte that it starts at. A file that is not there has no lines.
 * @param from What an earlier reading gave: the lines up to there are not read again, and may have been changed since.
 * @throws {TesseraError} ERR_AUDIT_BROKEN, naming the first bad line.
 */
export async function verifyAudit(
  file: string,
  onEntry?: (entry: AuditEntry, startByte: number) => void,
  from: AuditSummary = BEGINNING,
): Promise<AuditSummary> {
  let { entries, bytes, head, wholeBytes } = from
  let rest: Buffer = Buffer.alloc(0)
  try {
    for await (const chunk of createReadStream(file, { start: wholeBytes }) as AsyncIterable<Buffer>) {
      rest = Buffer.concat([rest, chunk])
      let start = 0
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, start)) {
        const line = rest.toString('utf8', start, end)
        const entry = readLine(line, entries + 1, head)
        onEntry?.(entry, wholeBytes)
        entries++
        bytes += entry.bytes
        head = sha256Hex(line)
        wholeBytes += end + 1 - start
        start = end + 1
      }
      rest = rest.subarray(start)
      if (rest.length > MAX_LINE_BYTES) throw broken(entries + 1, 'a line that is too long')
    }
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown
  }
  return { entries, bytes, head, wholeBytes, unfinished: rest.length > 0 }
}

function readLine(line: string, seq: number, previous: string): AuditEntry {
  const entry = readEntry(line, seq)
  if (entry.previous !== previous) throw broken(seq, 'another hash of the line before')
  return entry
}

/** Gives a line's entry, whether or not it follows from the line before. @throws {TesseraError} ERR_AUDIT_BROKEN if it is not line `seq`. */
export function readEntry(line: string, seq: number): AuditEntry {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw broken(seq, 'a text that is no JSON')
  }
  const result = auditEntry.safeParse(value)
  if (!result.success) throw broken(seq, 'other fields')
  if (result.data.seq !== seq) throw broken(seq, `number ${result.data.seq}`)
  return result.data
}

function broken(line: number, got: string): TesseraError {
  return new TesseraError('ERR_AUDIT_BROKEN', `audit line ${line} must continue the chain, got ${got}`)
}

function unwritable(cause: unknown): TesseraError {
  const reason = (cause as NodeJS.ErrnoException).code
  return new TesseraError('ERR_STORE_WRITE', `audit file must be writable, got ${reason}`, { cause })
}
