/**
 * @file The site's own record of everything that left: one JSON line a frame, written and synced before the frame is sent.
 *
 * Each line holds the SHA-256 of the line before, so a line that is changed, dropped, added or moved breaks the chain from there on. Lines cut
 * off at the end leave a shorter chain that is whole: who wants to notice that keeps the last line's hash elsewhere.
 */
import { closeSync, createReadStream, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { mkdir, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing } from '@tessera/shared/files'
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
  /** SHA-256 of the frame. */
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
  /** Returns when the line is on the disk. @throws {TesseraError} ERR_STORE_WRITE */
  append(entry: Omit<AuditEntry, 'seq' | 'time' | 'previous'>): void
  close(): void
}

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
  const descriptor = openSync(file, 'a', 0o600)
  let seq = entries
  let previous = head
  return {
    append(told) {
      const time = new Date(clock.now()).toISOString()
      const entry = { seq: seq + 1, time, ...told, previous }
      const line = JSON.stringify(entry)
      try {
        // Synchronous: the encoder that asks is, and no other frame may come between the line and its frame.
        writeSync(descriptor, `${line}\n`)
        fdatasyncSync(descriptor)
      } catch (cause) {
        const reason = (cause as NodeJS.ErrnoException).code
        throw new TesseraError('ERR_STORE_WRITE', `audit file must be writable, got ${reason}`, { cause })
      }
      seq++
      previous = sha256Hex(line)
      onEntry(entry)
    },
    close: () => closeSync(descriptor),
  }
}

/**
 * Reads the whole file, checks its chain, and calls `onEntry` with each line. A file that is not there has no lines.
 * @throws {TesseraError} ERR_AUDIT_BROKEN, naming the first bad line.
 */
export async function verifyAudit(
  file: string,
  onEntry?: (entry: AuditEntry) => void,
): Promise<AuditSummary> {
  let [entries, bytes, head, wholeBytes] = [0, 0, '', 0]
  let rest: Buffer = Buffer.alloc(0)
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      rest = Buffer.concat([rest, chunk])
      let start = 0
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, start)) {
        const line = rest.toString('utf8', start, end)
        const entry = readLine(line, entries + 1, head)
        onEntry?.(entry)
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
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw broken(seq, 'a text that is no JSON')
  }
  const result = auditEntry.safeParse(value)
  if (!result.success) throw broken(seq, 'other fields')
  if (result.data.seq !== seq) throw broken(seq, `number ${result.data.seq}`)
  if (result.data.previous !== previous) throw broken(seq, 'another hash of the line before')
  return result.data
}

function broken(line: number, got: string): TesseraError {
  return new TesseraError('ERR_AUDIT_BROKEN', `audit line ${line} must continue the chain, got ${got}`)
}
