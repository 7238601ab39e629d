/** @file Finished cells, one file each, named by their key: what a run that was cut off does not do again. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JudgedRound } from '@tessera/coordinator/studies'
import { isMissing, writeDurably } from '@tessera/shared/files'
import type { TestResult } from '../runner/tasks.ts'
import type { CurvePoint } from './curve.ts'

/** What a cell leaves behind. */
export interface CellResult {
  /** Whole studies are long: what they do not share with others is in here. */
  readonly study: object
  readonly engine: string
  /** Mean training loss of each round. */
  readonly losses: readonly number[]
  /** On the test tiles of each site, in the sites' order. */
  readonly answers: TestResult['answers']
  /** By round; a cell that was finished before curves were measured has none. */
  readonly curve?: readonly CurvePoint[]
  /** SHA-256 of the student. */
  readonly model: string
  readonly seconds: number
  /** Of a federation. */
  readonly federation?: {
    readonly roundSeconds: readonly number[]
    /** Of the whole, what was spent in training steps; absent for a federation of processes, and in cells from before it was measured. */
    readonly stepSeconds?: number
    readonly uploadedBytes: Readonly<Record<string, number>>
    readonly declined: readonly { readonly site: string; readonly round: number; readonly code: string }[]
    /** How the students of its rounds do on each site's test tiles, in a study that judges. */
    readonly judged?: readonly JudgedRound[]
  }
}

export interface CellStore {
  read(key: string): Promise<CellResult | null>
  write(key: string, result: CellResult): Promise<void>
  /** File of a cell's student. */
  model(key: string): string
}

export async function openCellStore(out: string): Promise<CellStore> {
  for (const dir of ['cells', 'models']) await mkdir(join(out, dir), { recursive: true })
  const file = (key: string): string => join(out, 'cells', `${key}.json`)
  return {
    async read(key) {
      const text = await readFile(file(key), 'utf8').catch((thrown: unknown) => {
        if (isMissing(thrown)) return null
        throw thrown
      })
      return text === null ? null : (JSON.parse(text) as CellResult)
    },
    write: (key, result) => writeDurably(file(key), JSON.stringify(result), 0o644),
    model: (key) => join(out, 'models', `${key}.safetensors`),
  }
}
