/** @file Lines of the audit log as a person wants to see them: with the tensors that a chunk has bytes of, and the coordinator's receipt. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FrameRow } from '@tessera/shared/dashboard/site-api'
import { type DeltaPart, deltaParts } from '@tessera/shared/delta'
import { studentLayout } from '@tessera/shared/model'
import { study as studySchema } from '@tessera/shared/protocol'
import { openReceipts } from '../session/receipts.ts'
import { studyFile } from '../session/workplace.ts'
import type { AuditEntry } from '../uplink/audit.ts'
import { readChunkReason } from '../uplink/chunk-reason.ts'

/** Of a chunk of many small tensors the first are enough to know where in the network it is. */
const TENSORS_NAMED = 6
/** Rounds whose receipts are remembered: a screen of rounds, some pages of frames. */
const MAX_RECEIPTS = 1000

export interface Frames {
  rows(entries: readonly AuditEntry[]): Promise<FrameRow[]>
  /** When the coordinator took a round's update in, as its receipt says; null: there is no receipt. */
  receiptAtMs(study: string, round: number): Promise<number | null>
}

/** @param dir The site's folder. */
export function createFrames(dir: string): Frames {
  const parts = new Map<string, DeltaPart[]>()
  const receipts = new Map<string, number>()

  const partsOf = async (study: string): Promise<DeltaPart[] | null> => {
    const known = parts.get(study)
    if (known !== undefined) return known
    const found = await readParts(dir, study)
    if (found !== null) parts.set(study, found)
    return found
  }
  const receiptAtMs: Frames['receiptAtMs'] = async (study, round) => {
    const key = `${study} ${round}`
    const known = receipts.get(key)
    if (known !== undefined) return known
    // Verified when it was stored: no key is asked for.
    const found = await openReceipts(join(dir, 'receipts', study), () => '')
      .latest(round)
      .catch(() => null)
    if (found === null) return null
    receipts.set(key, found.receivedAtMs)
    const [oldest] = receipts.keys()
    if (receipts.size > MAX_RECEIPTS && oldest !== undefined) receipts.delete(oldest)
    return found.receivedAtMs
  }
  const rowOf = async (entry: AuditEntry): Promise<FrameRow> => {
    const { seq, time, kind, bytes, study = null, round = null, why, sha256 } = entry
    const chunk = kind === 'upload:chunk' && study !== null ? readChunkReason(why) : null
    const layout = chunk && study !== null ? await partsOf(study) : null
    const isOfRound = study !== null && round !== null && kind.startsWith('upload:')
    return {
      seq,
      time,
      kind,
      bytes,
      study,
      round,
      why,
      sha256,
      tensors: chunk && layout && tensorsWithin(layout, chunk),
      receiptAtMs: isOfRound ? await receiptAtMs(study, round) : null,
    }
  }
  return {
    async rows(entries) {
      const rows: FrameRow[] = []
      // One after the other: the first of a round reads what the others need.
      for (const entry of entries) rows.push(await rowOf(entry))
      return rows
    },
    receiptAtMs,
  }
}

async function readParts(dir: string, id: string): Promise<DeltaPart[] | null> {
  try {
    const study = studySchema.parse(JSON.parse(await readFile(studyFile(dir, id), 'utf8')))
    return deltaParts(studentLayout(study), study.federation.encoding)
  } catch {
    // The folder of an old study may be gone; the log is not.
    return null
  }
}

function tensorsWithin(
  parts: readonly DeltaPart[],
  { start, end }: { readonly start: number; readonly end: number },
): NonNullable<FrameRow['tensors']> {
  const names = parts
    .filter(({ offset, bytes }) => offset < end && offset + bytes > start)
    .map(({ name }) => name)
  return { names: names.slice(0, TENSORS_NAMED), more: Math.max(0, names.length - TENSORS_NAMED) }
}
