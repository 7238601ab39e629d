/** @file Finds the Python that has PyTorch, for contenders written in it. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { TesseraError } from '@tessera/shared/errors'
import { z } from 'zod'

/** Python packages that a peer needs, by the names they are installed under. */
export const PEER_PACKAGES = ['torch', 'torchvision', 'safetensors'] as const

/** Says versions, whether it was built with CUDA, and nothing else. */
const PROBE = `
import importlib, json, platform
versions = {"python": platform.python_version()}
for name in ${JSON.stringify(PEER_PACKAGES)}:
    try:
        versions[name] = importlib.import_module(name).__version__
    except ImportError:
        versions[name] = None
print(json.dumps(versions))
`

export interface Python {
  /** Path or name of the program. */
  readonly command: string
  readonly versions: Readonly<Record<string, string>>
}

/** What to type when there is no such Python. */
export const HOW_TO = `python3 -m venv bench-venv && bench-venv/bin/pip install ${PEER_PACKAGES.join(' ')}, then --python bench-venv/bin/python`

/**
 * @param given By the option `--python`; else the environment variable TESSERA_BENCH_PYTHON, else `python3`.
 * @throws {TesseraError} ERR_BENCH_PEER if it is not there or lacks a package; the message says what to type.
 */
export async function findPython(given: string | undefined): Promise<Python> {
  const command = given ?? process.env['TESSERA_BENCH_PYTHON'] ?? 'python3'
  const versions = await probe(command)
  const missing = PEER_PACKAGES.filter((name) => versions[name] === null)
  if (missing.length > 0) {
    throw new TesseraError(
      'ERR_BENCH_PEER',
      `${command} must have ${PEER_PACKAGES.join(', ')}, got no ${missing.join(', ')}; type: ${HOW_TO}`,
    )
  }
  return { command, versions: versions as Record<string, string> }
}

async function probe(command: string): Promise<Record<string, string | null>> {
  try {
    const { stdout } = await promisify(execFile)(command, ['-c', PROBE])
    return z.record(z.string(), z.string().nullable()).parse(JSON.parse(stdout))
  } catch (cause) {
    throw new TesseraError(
      'ERR_BENCH_PEER',
      `Python must be found, got none at ${command}; type: ${HOW_TO}`,
      {
        cause,
      },
    )
  }
}

/** Path of a contender's Python file. */
export function peerFile(name: 'moma_step.py' | 'data_loader.py' | 'physics.py' | 'aggregation.py'): string {
  return fileURLToPath(new URL(`peers/${name}`, import.meta.url))
}
