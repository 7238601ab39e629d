/** @file What a site can show: the receipt of its update, and the record that counts it with all records before. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing } from '@tessera/shared/files'
import { type ReceiptProof, readUnverified, sha256Hex } from '@tessera/shared/security'
import { z } from 'zod'
import { ledgerFolder } from './ledger.ts'
import { loadSite } from './site-folder.ts'

const stored = z.strictObject({ receipt: z.string(), manifest: z.string() })
type Stored = z.infer<typeof stored>

/**
 * Puts a proof together from the site's folder.
 * @param options.round Default: the latest that counts this site's update.
 * @throws {TesseraError} ERR_RECEIPT_INVALID if no record here counts an update that a receipt here is for; ERR_CONFIG_INVALID, ERR_STORE_CORRUPT.
 */
export async function siteProof(options: {
  dir: string
  study: string
  round?: number | undefined
}): Promise<ReceiptProof> {
  const { dir, study } = options
  const { site, coordinatorKey, coordinator } = await loadSite(dir)
  const receipts = await readReceipts(join(dir, 'receipts', study))
  const records = await readRecords(ledgerFolder(dir, study))
  for (let round = options.round ?? records.length; round >= 1; round--) {
    const token = records[round - 1]
    const counted =
      token &&
      readUnverified('published', token).contributors.find((contributor) => contributor.site === site)
    const found = counted && receipts.get(counted.manifest)
    if (found) {
      return {
        format: 'tessera-receipt-1',
        study,
        site,
        round,
        coordinatorKey,
        keyChanges: [...coordinator.changes()],
        ...found,
        records: records.slice(0, round),
      }
    }
    if (options.round !== undefined) break
  }
  const which = options.round === undefined ? 'a published round' : `published round ${options.round}`
  throw new TesseraError(
    'ERR_RECEIPT_INVALID',
    `receipt must be for an update that ${which} counts, got none`,
  )
}

/** Receipts with their manifests, by the manifest's SHA-256. */
async function readReceipts(folder: string): Promise<Map<string, Stored>> {
  const names = await readdir(folder).catch(() => [])
  const found = new Map<string, Stored>()
  for (const name of names.filter((file) => file.endsWith('.json'))) {
    const one = parse(await readFile(join(folder, name), 'utf8'))
    found.set(sha256Hex(one.manifest), one)
  }
  return found
}

function parse(text: string): Stored {
  try {
    return stored.parse(JSON.parse(text))
  } catch (cause) {
    throw new TesseraError('ERR_STORE_CORRUPT', 'stored receipt must be readable, got another text', {
      cause,
    })
  }
}

/** Records from round 1 up to the first that is not here. */
async function readRecords(folder: string): Promise<string[]> {
  const records: string[] = []
  for (;;) {
    const token = await readFile(join(folder, `round-${records.length + 1}.jws`), 'utf8').catch(
      (cause: unknown) => {
        if (isMissing(cause)) return null
        throw new TesseraError('ERR_STORE_CORRUPT', 'stored record must be readable, got an error', { cause })
      },
    )
    if (token === null) return records
    records.push(token)
  }
}
