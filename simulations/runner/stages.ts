/** @file Finished stages of a run, kept under OUT so that a run that was cut off goes on where it stopped. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { writeDurably } from '@tessera/shared/files'
import type { DemoConfig } from './config.ts'

/** A stage's result and how long it took, in this run or the one before. */
export interface FinishedStage<T> {
  readonly result: T
  readonly seconds: number
}

export interface StageStore {
  /** What the stage gave, when it was finished before. */
  read<T>(name: string): Promise<FinishedStage<T> | null>
  /** Kept under its name at once and whole. */
  write<T>(name: string, stage: FinishedStage<T>): Promise<void>
}

/** All that a run puts into OUT; `--fresh` removes these and nothing else. */
const OWN = [
  'run.json',
  'results.json',
  'stages',
  'sites',
  'teacher',
  'pooled',
  'models',
  'federation',
  'logs',
] as const

/**
 * Opens OUT for a run with these settings. A run that was finished there before, or `fresh`, starts over.
 * @throws {TesseraError} ERR_CONFIG_INVALID when OUT holds a run with other settings, or files of no run.
 */
export async function openStages(
  out: string,
  config: DemoConfig,
  fresh: boolean,
): Promise<{ stages: StageStore; resumed: boolean }> {
  await mkdir(out, { recursive: true })
  const settings = JSON.stringify(config, null, 2)
  const before = await readText(join(out, 'run.json'))
  const finished = (await readText(join(out, 'results.json'))) !== null
  if (before !== null && before !== settings && !fresh) {
    throw new TesseraError(
      'ERR_CONFIG_INVALID',
      '--out must name a folder of the same settings or a new one, got a run with others there (--fresh starts over)',
    )
  }
  const resumed = before !== null && !fresh && !finished
  if (!resumed) {
    // Only what is ours, and only when run.json says that it is.
    if (before !== null) for (const name of OWN) await rm(join(out, name), { recursive: true, force: true })
    await writeFile(join(out, 'run.json'), settings)
  }
  for (const name of ['stages', 'models', 'logs']) await mkdir(join(out, name), { recursive: true })
  const file = (name: string): string => join(out, 'stages', `${name}.json`)
  return {
    resumed,
    stages: {
      async read<T>(name: string) {
        const text = await readText(file(name))
        return text === null ? null : (JSON.parse(text) as FinishedStage<T>)
      },
      async write(name, stage) {
        await writeDurably(file(name), JSON.stringify(stage), 0o644)
      },
    },
  }
}

async function readText(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return null
    throw thrown
  })
}
