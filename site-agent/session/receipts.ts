/** @file The coordinator's signed receipts: the site's proof that an update was taken, one file a delivered attempt. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing, writeDurably } from '@tessera/shared/files'
import type { Manifest, Receipt } from '@tessera/shared/protocol'
import { readUnverified, sha256Hex, verifyPayload } from '@tessera/shared/security'

export interface Receipts {
  /**
   * Checks a receipt against the manifest it answers, and stores it.
   * @throws {TesseraError} ERR_SIGNATURE_INVALID, ERR_MESSAGE_INVALID, ERR_STORE_WRITE
   */
  accept(receipt: string, manifestToken: string, manifest: Manifest): Promise<Receipt>
  /** The stored receipt of an attempt, or null. */
  of(round: number, attempt: number): Promise<Receipt | null>
  /** The stored receipt of a round's latest attempt that has one, or null. */
  latest(round: number): Promise<Receipt | null>
  /** True when an attempt of the round was delivered with these bytes. */
  has(round: number, payload: string): Promise<boolean>
}

/** Opens `dir`, which need not exist. @param coordinatorKey Gives the key that the coordinator signs with now. */
export function openReceipts(dir: string, coordinatorKey: () => string): Receipts {
  /** The newest of this life: its round's record asks for it at once. */
  let newest: { readonly round: number; readonly payload: string } | null = null
  const fileOf = (round: number, attempt: number): string =>
    join(dir, `round-${round}-attempt-${attempt}.json`)
  const read = async (file: string): Promise<Receipt | null> => {
    try {
      const { receipt } = JSON.parse(await readFile(file, 'utf8')) as { receipt?: unknown }
      // Verified when it was stored; the file is this site's own.
      return readUnverified('receipt', receipt)
    } catch (cause) {
      if (isMissing(cause)) return null
      throw new TesseraError('ERR_STORE_CORRUPT', 'stored receipt must be readable, got another text', {
        cause,
      })
    }
  }
  return {
    async accept(token, manifestToken, manifest) {
      const receipt = await verifyPayload('receipt', token, coordinatorKey())
      const { study, site, round, attempt, payload } = manifest
      const want = { study, site, round, attempt, payload, manifest: sha256Hex(manifestToken) }
      for (const [field, value] of Object.entries(want)) {
        const got = receipt[field as keyof typeof want]
        if (got === value) continue
        throw new TesseraError('ERR_MESSAGE_INVALID', `receipt must have ${field} ${value}, got ${got}`)
      }
      const content = { receipt: token, manifest: manifestToken }
      await writeDurably(fileOf(round, attempt), `${JSON.stringify(content)}\n`)
      newest = { round, payload }
      return receipt
    },
    of: (round, attempt) => read(fileOf(round, attempt)),
    async has(round, payload) {
      if (newest?.round === round && newest.payload === payload) return true
      for (const file of await filesOf(dir, round)) if ((await read(file))?.payload === payload) return true
      return false
    },
    async latest(round) {
      const found = (await filesOf(dir, round)).at(-1)
      return found === undefined ? null : read(found)
    },
  }
}

/** Receipts of a round, by attempt. */
async function filesOf(dir: string, round: number): Promise<string[]> {
  const names = await readdir(dir).catch(() => [])
  const attempts = names.flatMap((name) => {
    const found = /^round-(\d+)-attempt-(\d+)\.json$/.exec(name)
    return Number(found?.[1]) === round ? [Number(found?.[2])] : []
  })
  return attempts
    .toSorted((a, b) => a - b)
    .map((attempt) => join(dir, `round-${round}-attempt-${attempt}.json`))
}
