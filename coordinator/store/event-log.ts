/**
 * @file The append-only log, `events.jsonl`: one JSON object a line, synced to disk before {@link EventLog.append} returns.
 *
 * Each line ends in `check`, the first 128 bits of SHA-256(check of the line before + the event's JSON), so that a changed, lost or added line
 * is noticed. A last line without its newline (or with the zero bytes some file systems leave) was never acknowledged: it is cut off.
 * Any other fault is ERR_STORE_CORRUPT.
 */
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { explained, syncFolder } from '@tessera/shared/files'
import { sha256Hex } from '@tessera/shared/security'

export interface EventLog<E> {
  /** What was in the log when it was opened, oldest first. */
  readonly events: readonly E[]
  /** Bytes of a torn last line that were cut off. */
  readonly cutBytes: number
  /** Returns when the event is on disk. Calls are carried out one after the other. @throws {TesseraError} ERR_STORE_WRITE */
  append(event: E): Promise<void>
  close(): Promise<void>
}

interface Contents<E> {
  readonly events: readonly E[]
  readonly check: string
  /** Length of the good part. */
  readonly bytes: number
  readonly cutBytes: number
}

/**
 * Reads a log without changing it.
 * @param parse Checks one event; what it throws makes the line corrupt.
 * @throws {TesseraError} ERR_STORE_CORRUPT, naming the line.
 */
export async function readEventLog<E>(file: string, parse: (value: unknown) => E): Promise<Contents<E>> {
  const content = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return Buffer.alloc(0)
    throw cause
  })
  const events: E[] = []
  let [check, start] = ['', 0]
  while (start < content.length) {
    const newline = content.indexOf(0x0a, start)
    if (newline === -1) break
    const line = content.subarray(start, newline)
    if (newline === content.length - 1 && line.includes(0)) break
    const read = parseLine(line.toString('utf8'), check, events.length + 1, parse)
    events.push(read.event)
    check = read.check
    start = newline + 1
  }
  return { events, check, bytes: start, cutBytes: content.length - start }
}

/** Opens a log for appending, cuts off a torn last line, and creates the file if there is none. Errors as {@link readEventLog}. */
export async function openEventLog<E extends object>(
  file: string,
  parse: (value: unknown) => E,
): Promise<EventLog<E>> {
  const { events, check: lastCheck, bytes, cutBytes } = await readEventLog(file, parse)
  const handle = await explained(async () => {
    const opened = await open(file, 'a', 0o600)
    await opened.truncate(bytes)
    await opened.sync()
    await syncFolder(dirname(file))
    return opened
  })
  let [check, size, broken] = [lastCheck, bytes, false]
  let queue: Promise<unknown> = Promise.resolve()

  const write = async (event: E): Promise<void> => {
    if (broken)
      throw new TesseraError('ERR_STORE_WRITE', 'log must be whole, got an earlier write that failed')
    const json = JSON.stringify(event)
    const next = checkOf(check, json)
    const line = Buffer.from(`${json.slice(0, -1)},"check":"${next}"}\n`)
    await explained(async () => {
      try {
        await handle.appendFile(line)
        await handle.datasync()
      } catch (cause) {
        // A line whose sync failed may or may not be on disk: take it back, so that the next one follows the last good one.
        broken = !(await cutBack(handle, size))
        throw cause
      }
    })
    size += line.length
    check = next
  }
  return {
    events,
    cutBytes,
    append(event) {
      const written = queue.then(() => write(event))
      queue = written.catch(() => undefined)
      return written
    },
    async close() {
      await queue
      await handle.close()
    },
  }
}

async function cutBack(handle: FileHandle, size: number): Promise<boolean> {
  try {
    await handle.truncate(size)
    await handle.sync()
    return true
  } catch {
    return false
  }
}

function parseLine<E>(
  line: string,
  previous: string,
  number: number,
  parse: (value: unknown) => E,
): { event: E; check: string } {
  try {
    const { check, ...event } = JSON.parse(line) as Record<string, unknown>
    if (check === checkOf(previous, JSON.stringify(event))) return { event: parse(event), check }
  } catch (cause) {
    throw new TesseraError(
      'ERR_STORE_CORRUPT',
      `line ${number} of the log must hold an event, got another text`,
      {
        cause,
      },
    )
  }
  throw new TesseraError(
    'ERR_STORE_CORRUPT',
    `line ${number} of the log must be as it was written, got another check value`,
  )
}

function checkOf(previous: string, json: string): string {
  return sha256Hex(previous + json).slice(0, 32)
}
