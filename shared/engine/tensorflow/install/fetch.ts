/** @file Brings the npm package and TensorFlow's wheels here through the clients that people have set up for their registries. */
import { mkdir, readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { TesseraError } from '../../../errors.ts'
import type { CommandResult, Run } from './run.ts'
import type { Target } from './target.ts'
import type { NpmPackage } from './unpack-package.ts'

/** TensorFlow's libraries are the same in the wheels of all Pythons: the first that there is does. */
const PYTHONS = ['3.11', '3.12', '3.13', '3.10']

/**
 * Fetches the npm package's tarball into `folder` with `npm pack`, from npm's cache when it is there.
 * @throws {TesseraError} ERR_ENGINE_FETCH
 */
export async function fetchPackage(run: Run, { name, version }: NpmPackage, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const args = ['pack', `${name}@${version}`, '--ignore-scripts', '--prefer-offline', '--silent']
  // Inside the folder: npm would take this project for what is to be packed.
  const result = await run('npm', args, { cwd: folder })
  if (result === null) throw notFetched('npm', 'no npm')
  if (result.status !== 0) throw notFetched(`${name} ${version}`, lastError(result))
  return only(folder, '.tgz', `${name} ${version}`)
}

export interface WheelRequest {
  readonly target: Target
  readonly version: string
  readonly gpu: boolean
  /** For the wheels and for what pip writes meanwhile. */
  readonly folder: string
}

/** Arguments of `pip download` for one requirement, whatever Python and system pip itself runs on. */
export function pipArguments(requirement: string, target: Target, python: string, folder: string): string[] {
  return [
    'download',
    requirement,
    '--no-deps',
    '--only-binary=:all:',
    '--python-version',
    python,
    ...target.tags.flatMap((tag) => ['--platform', tag]),
    '--dest',
    folder,
    '--no-input',
    '--disable-pip-version-check',
    '--progress-bar',
    'off',
  ]
}

/**
 * Fetches TensorFlow's wheel and, for a GPU, the CUDA wheels it names.
 * @returns Paths, TensorFlow's first.
 * @throws {TesseraError} ERR_ENGINE_PIP if there is no pip, ERR_ENGINE_FETCH if it cannot fetch.
 */
export async function fetchWheels(
  run: Run,
  request: WheelRequest,
  requirementsOf: (wheel: string) => Promise<string[]>,
): Promise<string[]> {
  const { target, version, gpu, folder } = request
  const pip = await findPip(run)
  const name = gpu ? 'tensorflow' : target.cpuPackage
  const wheel = await download(run, pip, `${name}==${version}`, request, join(folder, 'tensorflow'))
  if (!gpu) return [wheel]
  const wheels = [wheel]
  for (const [i, requirement] of (await requirementsOf(wheel)).entries()) {
    wheels.push(await download(run, pip, requirement, request, join(folder, `cuda-${i}`)))
  }
  return wheels
}

/**
 * Bytes that have come into a folder so far, for the progress of a download. pip writes a file in one place and copies it to another: of files
 * of one name the larger counts. What vanishes meanwhile counts as nothing.
 */
export async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const sizes = new Map<string, number>()
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const facts = await stat(join(entry.parentPath, entry.name)).catch(() => null)
    sizes.set(entry.name, Math.max(sizes.get(entry.name) ?? 0, facts?.size ?? 0))
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0)
}

export interface Pip {
  /** Program and first arguments. */
  readonly way: readonly [command: string, ...first: string[]]
  readonly version: string
}

/** The first way to start pip that works. @throws {TesseraError} ERR_ENGINE_PIP if none does. */
export async function findPip(run: Run): Promise<Pip> {
  const ways: readonly Pip['way'][] = [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip3'], ['pip']]
  for (const way of ways) {
    const [command, ...first] = way
    const result = await run(command, [...first, '--version'])
    // The rest of the line is where it lies.
    const [version] = /^pip \S+/.exec(result?.stdout ?? '') ?? []
    if (result?.status === 0 && version !== undefined) return { way, version }
  }
  const tried = ways.map((way) => way.join(' ')).join(', ')
  throw new TesseraError('ERR_ENGINE_PIP', `pip must be one of ${tried}, got none that runs`)
}

async function download(
  run: Run,
  { way: [command, ...first] }: Pip,
  requirement: string,
  { target }: WheelRequest,
  folder: string,
): Promise<string> {
  const temporary = join(folder, 'tmp')
  await mkdir(temporary, { recursive: true })
  let error = ''
  for (const python of PYTHONS) {
    const args = [...first, ...pipArguments(requirement, target, python, folder)]
    // pip's temporary files beside the wheel: they are counted for the progress, and removed with it.
    const result = await run(command, args, { cwd: folder, env: { TMPDIR: temporary } })
    if (result?.status === 0) return only(folder, '.whl', requirement)
    error ||= result === null ? 'no pip' : lastError(result)
    // Only a wheel for another Python may exist; every other failure would come again.
    if (result !== null && !/No matching distribution/.test(result.stderr)) break
  }
  throw notFetched(requirement, error)
}

async function only(folder: string, ending: string, what: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(ending))
  const [name] = names
  if (name === undefined || names.length > 1) throw notFetched(what, `${names.length} files`)
  return join(folder, basename(name))
}

/** The first line of an error, without addresses: they may hold a password. */
function lastError({ stdout, stderr }: CommandResult): string {
  const lines = `${stderr}\n${stdout}`.split('\n').filter((line) => /error|ERR!/i.test(line))
  const line = lines[0] ?? 'a failure without words'
  return line
    .replaceAll(/\w+:\/\/\S+/g, '<address>')
    .trim()
    .slice(0, 300)
}

function notFetched(what: string, got: string): TesseraError {
  return new TesseraError('ERR_ENGINE_FETCH', `${what} must be fetched, got ${got}`)
}
