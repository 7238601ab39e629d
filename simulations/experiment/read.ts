/** @file Reads an experiment's YAML: the schema, what must go together, and where its folders are on this machine. */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { parse, YAMLParseError } from 'yaml'
import type { DataFolder } from '../runner/config.ts'
import { type Experiment, experiment } from './schema.ts'

/** Largest file: the longest of the project's own is 4 KB. Looked at before the text is parsed. */
const MAX_BYTES = 256 * 1024

export interface Environment {
  readonly [name: string]: string | undefined
}

/** An experiment, and the folders it means. */
export interface ReadExperiment {
  readonly experiment: Experiment
  readonly folders: readonly DataFolder[]
  readonly teacherFolders: readonly DataFolder[]
  /** Files of weights to begin with; absent: by chance. */
  readonly startFiles?: { readonly student?: string; readonly teacher?: string }
}

/**
 * @param environment What `$NAME` at the start of a folder or file stands for.
 * @throws {TesseraError} ERR_EXPERIMENT_FILE, naming the field that is wrong.
 */
export async function readExperiment(file: string, environment: Environment): Promise<ReadExperiment> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw invalid('be a file that can be read', cause.code ?? 'an error', cause)
  })
  const read = parseExperiment(text)
  const place = (path: string): string => resolve(dirname(file), inEnvironment(path, environment))
  const folders = (list: Experiment['data']['folders'] = []): DataFolder[] =>
    list.map(({ dir, micronsPerPx = null }) => ({ dir: place(dir), micronsPerPx }))
  const [student, teacher] = [read.student.start, read.teacher?.network.start]
  return {
    experiment: read,
    folders: folders(read.data.folders),
    teacherFolders: folders(read.teacher?.folders),
    startFiles: {
      ...(student !== undefined && { student: place(student) }),
      ...(teacher !== undefined && { teacher: place(teacher) }),
    },
  }
}

/** @throws {TesseraError} ERR_EXPERIMENT_FILE */
export function parseExperiment(text: string): Experiment {
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_BYTES) throw invalid(`have at most ${MAX_BYTES} bytes`, String(bytes))
  let value: unknown
  try {
    // Aliases would let a small file become a large one; sixteen are more than a person writes.
    value = parse(text, { maxAliasCount: 16, prettyErrors: true, logLevel: 'error' })
  } catch (cause) {
    const line = cause instanceof YAMLParseError ? cause.linePos?.[0].line : undefined
    throw invalid('be YAML', line === undefined ? 'another text' : `a fault in line ${line}`, cause)
  }
  const result = experiment.safeParse(value)
  if (!result.success) {
    const faults = result.error.issues.map(
      ({ path, message }) => `${path.join('.') || 'its fields'}: ${message}`,
    )
    throw invalid('fit its schema', faults.join('; ').slice(0, 1000))
  }
  assertWhole(result.data)
  return result.data
}

/** What one field says of another. */
function assertWhole(whole: Experiment): void {
  const { arms, methods, teacher, splits, scenarios, seeds, transport, reference } = whole
  const used = arms.flatMap((arm) => (arm.kind === 'teacher' ? [] : arm.methods))
  const unknown = used.find((name) => methods[name] === undefined)
  if (unknown !== undefined) throw invalid('name methods that it has in its arms', unknown)
  if (reference !== undefined && !used.includes(reference))
    throw invalid('have its reference in its arms', reference)
  const teaches = used.find((name) => methods[name]?.name !== 'ce')
  const wanted = teaches ?? arms.find(({ kind }) => kind === 'teacher')?.kind
  if (teacher === undefined && wanted !== undefined) throw invalid(`have a teacher for ${wanted}`, 'none')
  for (const [what, names] of Object.entries({
    splits: splits.map(splitName),
    scenarios: scenarios.map(({ name }) => name),
    seeds: seeds.map(String),
  })) {
    const twice = names.find((name, i) => names.indexOf(name) !== i)
    if (twice !== undefined) throw invalid(`have different ${what}`, `${twice} twice`)
  }
  // Nobody can reach into another process's line.
  if (transport === 'processes' && scenarios.some(({ faults }) => faults.length > 0))
    throw invalid('have its faults with transport memory or sockets', 'processes')
}

/** What a split is called when it has no name of its own. */
export function splitName(split: Experiment['splits'][number]): string {
  if (split.name !== undefined) return split.name
  if (split.by === 'column') return split.column
  if (split.by === 'labels') return `labels-${split.classes}`
  return 'alpha' in split ? `${split.by}-${split.alpha}` : split.by
}

function inEnvironment(dir: string, environment: Environment): string {
  const [, name = '', rest = ''] = /^\$(\w+)(.*)$/.exec(dir) ?? []
  if (name === '') return dir
  const value = environment[name]
  if (value) return `${value}${rest}`
  const how = name === 'DATA' ? '--data DIR' : `environment variable ${name}`
  throw invalid(`find its data: give ${how}`, 'none')
}

function invalid(rule: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_EXPERIMENT_FILE', `experiment must ${rule}, got ${got}`, { cause })
}
