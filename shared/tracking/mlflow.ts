/**
 * @file A study as an experiment of MLflow's file store: a folder of small files, with one run a site and one for all together.
 *
 * Names are made from the study's, so that writing it again renews what is there. Source: https://github.com/mlflow/mlflow,
 * mlflow/store/tracking/file_store.py.
 */
import { sha256Hex } from '../security/digest.ts'
import type { TrackedRun, TrackedStudy } from './series.ts'

/** RunStatus of MLflow's service.proto. */
const RUNNING = 1
const FINISHED = 3
/** Longest value of a parameter that MLflow takes. */
const MAX_VALUE_CHARACTERS = 6000

/** Gives the files by their paths below a tracking folder. @param base The folder's address, `file:///…`, which the runs' own addresses begin with. */
export function mlflowFiles(study: TrackedStudy, base: string): Map<string, string> {
  const files = new Map<string, string>()
  const digest = sha256Hex(study.study)
  // Digits, as MLflow's own ids are.
  const experiment = BigInt(`0x${digest.slice(0, 15)}`)
    .toString()
    .padStart(18, '1')
  const { createdAtMs, endedAtMs } = study
  const lastMs = Math.max(
    createdAtMs,
    ...study.runs.flatMap(({ series }) => [...series.values()].map((points) => points.at(-1)?.atMs ?? 0)),
  )
  files.set(
    `${experiment}/meta.yaml`,
    yaml({
      artifact_location: `${base}/${experiment}`,
      creation_time: createdAtMs,
      experiment_id: experiment,
      last_update_time: lastMs,
      lifecycle_stage: 'active',
      name: study.study,
    }),
  )
  for (const run of study.runs) {
    const id = sha256Hex(`${study.study} ${run.name}`).slice(0, 32)
    const folder = `${experiment}/${id}`
    files.set(
      `${folder}/meta.yaml`,
      yaml({
        artifact_uri: `${base}/${folder}/artifacts`,
        end_time: endedAtMs,
        entry_point_name: '',
        experiment_id: experiment,
        lifecycle_stage: 'active',
        run_id: id,
        run_name: run.name,
        run_uuid: id,
        source_name: '',
        source_type: 4,
        source_version: '',
        start_time: createdAtMs,
        status: endedAtMs === null ? RUNNING : FINISHED,
        tags: [],
        user_id: 'tessera',
      }),
    )
    files.set(`${folder}/tags/mlflow.runName`, run.name)
    files.set(`${folder}/tags/mlflow.source.name`, 'tessera')
    // The whole of them; and MLflow takes no run for one that has no folder of artifacts.
    files.set(
      `${folder}/artifacts/settings.json`,
      `${JSON.stringify(Object.fromEntries(study.settings), null, 2)}\n`,
    )
    for (const [name, value] of study.settings)
      files.set(`${folder}/params/${name}`, value.slice(0, MAX_VALUE_CHARACTERS))
    for (const [name, text] of metricsOf(run)) files.set(`${folder}/metrics/${name}`, text)
  }
  return files
}

/** A line a point: when, how much, which step. */
function metricsOf({ series }: TrackedRun): [name: string, text: string][] {
  return [...series].map(([name, points]) => [
    name,
    points.map(({ atMs, value, step }) => `${atMs} ${value} ${step}\n`).join(''),
  ])
}

/** Flat, and every text as JSON writes it, which is YAML too. */
function yaml(fields: Readonly<Record<string, string | number | null | readonly never[]>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`)
    .join('')
}
