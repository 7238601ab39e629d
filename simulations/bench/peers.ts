/** @file Finds the Python that has what a peer needs, for contenders written in it. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { TesseraError } from '@tessera/shared/errors'
import { z } from 'zod'

/** Python packages of the engine's contests, by the names they are installed under. */
const TORCH = ['torch', 'torchvision', 'safetensors'] as const

/** Says which versions are installed, and nothing else. */
const probeOf = (packages: readonly string[]): string => `
import importlib.metadata, json, platform
versions = {"python": platform.python_version()}
for name in ${JSON.stringify(packages)}:
    try:
        versions[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        versions[name] = None
print(json.dumps(versions))
`

export interface Python {
  /** Path or name of the program. */
  readonly command: string
  readonly versions: Readonly<Record<string, string>>
}

/** What to type when there is no such Python. */
const howTo = (packages: readonly string[]): string =>
  `python3 -m venv bench-venv && bench-venv/bin/pip install ${packages.join(' ')}, then --python bench-venv/bin/python`

/**
 * @param given By the option `--python`; else the environment variable TESSERA_BENCH_PYTHON, else `python3`.
 * @throws {TesseraError} ERR_BENCH_PEER if it is not there or lacks a package; the message says what to type.
 */
export async function findPython(
  given: string | undefined,
  packages: readonly string[] = TORCH,
): Promise<Python> {
  const command = given ?? process.env['TESSERA_BENCH_PYTHON'] ?? 'python3'
  const versions = await probe(command, packages)
  const missing = packages.filter((name) => versions[name] === null)
  if (missing.length > 0) {
    throw new TesseraError(
      'ERR_BENCH_PEER',
      `${command} must have ${packages.join(', ')}, got no ${missing.join(', ')}; type: ${howTo(packages)}`,
    )
  }
  return { command, versions: versions as Record<string, string> }
}

async function probe(command: string, packages: readonly string[]): Promise<Record<string, string | null>> {
  try {
    const { stdout } = await promisify(execFile)(command, ['-c', probeOf(packages)])
    return z.record(z.string(), z.string().nullable()).parse(JSON.parse(stdout))
  } catch (cause) {
    throw new TesseraError(
      'ERR_BENCH_PEER',
      `Python must be found, got none at ${command}; type: ${howTo(packages)}`,
      {
        cause,
      },
    )
  }
}

/** Path of a contender's Python file. */
export function peerFile(
  name:
    | 'moma_step.py'
    | 'data_loader.py'
    | 'physics.py'
    | 'aggregation.py'
    | 'flower_round.py'
    | 'flower_simulation.py'
    | 'nvflare_round.py',
): string {
  return fileURLToPath(new URL(`peers/${name}`, import.meta.url))
}
