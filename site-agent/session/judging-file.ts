/** @file What the site has last said of a student, `state/<study>/judgement.json`: said again after a crash, it has to be the same text. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing, writeDurably } from '@tessera/shared/files'
import { isJudged, type Published, type Study, sha256 } from '@tessera/shared/protocol'
import { readUnverified } from '@tessera/shared/security'
import { z } from 'zod'

const storedWord = z.strictObject({
  round: z.int().positive(),
  student: sha256,
  policyHash: sha256,
  /** As they were counted, before the policy: they stay here. */
  counts: z.array(z.array(z.int().min(0))),
  /** JWS of `judgement`. */
  judgement: z.string(),
  /** The coordinator has it. */
  isSaid: z.boolean(),
})
export type StoredWord = z.infer<typeof storedWord>

const wordFile = (dir: string, study: string): string => join(dir, 'state', study, 'judgement.json')

/** Gives it; null when there is none, or none that can be read: then the student is judged anew. */
export async function readWord(dir: string, study: string): Promise<StoredWord | null> {
  const text = await readFile(wordFile(dir, study), 'utf8').catch((cause: unknown) => {
    if (isMissing(cause)) return null
    throw cause
  })
  if (text === null) return null
  try {
    return storedWord.parse(JSON.parse(text))
  } catch {
    return null
  }
}

/** @throws {TesseraError} ERR_STORE_WRITE */
export async function writeWord(dir: string, study: string, word: StoredWord): Promise<void> {
  await writeDurably(wordFile(dir, study), `${JSON.stringify(word)}\n`)
}

/** The newest record of the site's ledger when its student is to be judged and the coordinator has not had the site's word; else null. */
export async function unsaidOf(
  dir: string,
  { id, judging }: Study,
  latest: { readonly token: string } | null,
): Promise<Published | null> {
  // Verified when it was taken into the ledger.
  const record = latest && readUnverified('published', latest.token)
  if (record === null || !isJudged(judging, record)) return null
  const word = await readWord(dir, id)
  return word?.isSaid && word.student === record.student && word.round === record.round ? null : record
}
