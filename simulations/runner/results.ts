/** @file The end of a run: everything measured into results.json, and the table for people. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from '@tessera/shared/files'
import type { ArmResult } from './arms.ts'
import type { DemoConfig } from './config.ts'
import type { Prepared, PreparedTiles } from './prepare.ts'
import { type ArmScores, BOOTSTRAP, scoreArm } from './scores.ts'
import type { FinishedStage } from './stages.ts'
import { countLines, scoreTable } from './table.ts'

export interface ResultsInput {
  readonly out: string
  readonly config: DemoConfig
  readonly prepared: FinishedStage<Prepared>
  readonly results: ReadonlyMap<string, FinishedStage<ArmResult>>
  readonly resumed: boolean
  readonly engine: string
  readonly machine: string
  readonly wallSeconds: number
}

/** Writes OUT/results.json and gives the text of the table. */
export async function resultsText(input: ResultsInput): Promise<string> {
  const { out, config, results } = input
  const { result: prepared } = input.prepared
  const scored = [...results].map(([name, { result, seconds }]) => ({
    name,
    ...result,
    seconds,
    scores: result.answers.length > 0 ? scoreOf(result, prepared, config) : null,
  }))
  const file = {
    config,
    versions: {
      tessera: await ownVersion(),
      node: process.version,
      engine: input.engine,
      machine: input.machine,
    },
    resumed: input.resumed,
    classes: prepared.classes,
    teacherClasses: prepared.teacherClasses,
    scale: prepared.scale,
    duplicatesLeftOut: prepared.duplicates,
    skippedFiles: prepared.skipped,
    counts: {
      sites: prepared.sites.map(({ name, train, test }) => ({
        name,
        train: train.counts,
        trainGroups: groups(train),
        test: test.counts,
        testGroups: groups(test),
      })),
      teacher: prepared.teacher.counts,
      teacherGroups: groups(prepared.teacher),
    },
    bootstrap: { ...BOOTSTRAP, unit: 'group', seed: bootstrapSeed(config) },
    arms: scored.map(({ name, arm, study, scores, losses, uploadedBytes, seconds }) => ({
      name,
      title: arm.title,
      study,
      scores,
      losses,
      uploadedBytes,
      seconds,
    })),
    seconds: {
      wall: input.wallSeconds,
      tiles: input.prepared.seconds,
      ...Object.fromEntries(scored.map(({ name, seconds }) => [name, seconds])),
    },
  }
  await writeDurably(join(out, 'results.json'), `${JSON.stringify(file, null, 2)}\n`, 0o644)

  const rows = scored.flatMap(({ arm, scores }) => (scores === null ? [] : [{ title: arm.title, scores }]))
  const siteNames = prepared.sites.map(({ name }) => name)
  const counts = prepared.sites.map(({ name, train, test }) => ({
    name,
    train: train.counts,
    test: test.counts,
  }))
  return [
    countLines(counts, prepared.teacher.counts, prepared),
    ...notes(prepared),
    '',
    scoreTable(rows, siteNames),
  ].join('\n')
}

/** In the table's order, whatever order they were finished in. */
export function inTableOrder<T>(results: ReadonlyMap<string, T>, names: readonly string[]): Map<string, T> {
  return new Map(
    names.flatMap((name) => {
      const result = results.get(name)
      return result === undefined ? [] : [[name, result] as const]
    }),
  )
}

function scoreOf({ answers }: ArmResult, prepared: Prepared, config: DemoConfig): ArmScores {
  const bySite = prepared.sites.map(({ name, test }, i) => ({
    site: name,
    truth: answers[i]?.truth ?? [],
    predicted: answers[i]?.predicted ?? [],
    groups: test.groups,
  }))
  return scoreArm(bySite, prepared.classes.length, bootstrapSeed(config))
}

const bootstrapSeed = ({ seed }: DemoConfig): string => `${seed}/bootstrap`
const groups = (tiles: PreparedTiles): number => new Set(tiles.groups).size

function notes({ classes, scale, duplicates, skipped }: Prepared): string[] {
  const { fieldMicrons, micronsPerPx } = scale
  const bad = Object.entries(skipped).map(([code, n]) => `${n} ${code}`)
  return [
    ...(fieldMicrons === null || micronsPerPx === null
      ? []
      : [`every tile shows ${fieldMicrons.toFixed(1)} µm at ${micronsPerPx.toFixed(3)} µm/px`]),
    ...(classes.length > 2 ? ['quadratic kappa takes the classes as steps of a scale, in this order'] : []),
    ...(duplicates > 0 ? [`${duplicates} files left out: the same bytes as another`] : []),
    ...(bad.length > 0 ? [`files that are no tile, left out: ${bad.join(', ')}`] : []),
  ]
}

async function ownVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
