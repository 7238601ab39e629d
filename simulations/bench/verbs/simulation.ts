/** @file The verb `simulation`: clients a second, and memory, of a simulation whose sites train nothing, beside Flower's in the same run. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { TesseraError } from '@tessera/shared/errors'
import { elementCount, studentLayout } from '@tessera/shared/model'
import { catchStop } from '@tessera/shared/until-stopped'
import { spreadOf } from '../contest/ratios.ts'
import { findPython, peerFile } from '../peers.ts'
import { describeMachine } from '../report/machine.ts'
import { type SimulatedModel, type SimulationName, simulationStudy } from '../simulation/cases.ts'
import { type Measured, measured } from '../simulation/measured.ts'

export interface SimulationFlags {
  readonly model: readonly SimulatedModel[]
  readonly sites: number
  readonly rounds: number
  readonly contenders: readonly SimulationName[]
  readonly dir?: string
  readonly python?: string
}

/** A process that takes longer has failed: Flower's first round takes a quarter of a minute. */
const LIMIT_MS = 20 * 60_000

/** @throws {TesseraError} ERR_BENCH_PEER, ERR_INTERRUPTED */
export async function measureSimulation(flags: SimulationFlags): Promise<void> {
  const { model: models, sites, contenders } = flags
  const python = contenders.includes('flower')
    ? await findPython(flags.python, ['flwr', 'ray', 'numpy'])
    : null
  const { signal } = catchStop()
  const { cpu, cores, load } = describeMachine()
  process.stdout.write(`${cpu}, ${cores} cores, load ${load.toFixed(1)} before\n`)
  for (const model of models) {
    for (const name of contenders) {
      const result =
        name === 'tessera'
          ? await ours(model, flags, signal)
          : await flowers(model, flags, python?.command ?? '', signal)
      process.stdout.write(`${lineOf(name, model, sites, result)}\n`)
    }
  }
}

function lineOf(
  name: string,
  model: string,
  sites: number,
  { firstRoundSeconds, roundSeconds, processorSeconds, peakBytes, version }: Measured,
): string {
  const { median, min, max } = spreadOf(roundSeconds.map((seconds) => sites / seconds))
  return [
    `${name.padEnd(8)} ${model.padEnd(4)} ${sites} sites`,
    `${median.toFixed(1)} clients/s (${min.toFixed(1)} to ${max.toFixed(1)} over ${roundSeconds.length} rounds)`,
    `${((1000 * processorSeconds) / (sites * roundSeconds.length)).toFixed(1)} ms of processor a client`,
    `first round after ${firstRoundSeconds.toFixed(1)} s`,
    `peak ${(peakBytes / 1e6).toFixed(0)} MB`,
    version,
  ].join(' | ')
}

async function ours(
  model: SimulatedModel,
  { sites, rounds, dir }: SimulationFlags,
  signal: AbortSignal,
): Promise<Measured> {
  const folder = await mkdtemp(join(dir ?? tmpdir(), 'tessera-bench-simulation-'))
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
  const file = fileURLToPath(new URL('../simulation/own.ts', import.meta.url))
  const args = ['--model', model, '--sites', `${sites}`, '--rounds', `${rounds}`, '--dir', folder]
  try {
    return await run(process.execPath, ['--import', tsx, file, ...args], signal)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function flowers(
  model: SimulatedModel,
  { sites, rounds }: SimulationFlags,
  python: string,
  signal: AbortSignal,
): Promise<Measured> {
  const { tensors } = studentLayout(simulationStudy(model, sites, rounds))
  const floats = tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0)
  const args = ['--floats', `${floats}`, '--sites', `${sites}`, '--rounds', `${rounds}`]
  return run(python, [peerFile('flower_simulation.py'), ...args], signal)
}

async function run(command: string, args: readonly string[], signal: AbortSignal): Promise<Measured> {
  try {
    // Python keeps what it compiles beside the sources, and these are ours.
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
    const { stdout } = await promisify(execFile)(command, args, {
      env,
      signal,
      timeout: LIMIT_MS,
      maxBuffer: 1 << 24,
    })
    return measured.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''))
  } catch (cause) {
    if (signal.aborted)
      throw new TesseraError('ERR_INTERRUPTED', 'benchmark must run to its end, got a stop', { cause })
    const said = String((cause as { stderr?: unknown }).stderr ?? cause)
    throw new TesseraError(
      'ERR_BENCH_PEER',
      `contender must print its result, got ${said.trim().slice(-500)}`,
      { cause },
    )
  }
}
