/** @file What the site has last said of a student, `state/<study>/judgement.json`: said again after a crash, it has to be the same text. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing, writeDurably } from '@tessera/shared/files'
import { sha256 } from '@tessera/shared/protocol'
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
