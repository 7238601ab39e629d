/**
 * @file Runs a reference case and measures how far each tensor is from what it must be.
 *
 *   absolute = maxᵢ |gotᵢ − wantᵢ|      relative = absolute / max(maxᵢ |wantᵢ|, 10⁻⁷)
 *
 * Relative to the tensor's largest magnitude, not element by element: a float32 sum of terms of size s is exact to about 10⁻⁷·s however
 * small it comes out, so an element near zero has no correct digits to compare and would fail on any machine, PyTorch's own included.
 */
import { TesseraError } from '@tessera/shared/errors'
import { type CaseTensor, runForwardCase } from '@tessera/shared/model/network'
import { type ReferenceCase, runMapCase, runMomaCase, runTrainCase } from '@tessera/site-agent/distill'
import type { CaseFile } from './case-file.ts'

/** One expected tensor of a case. */
export interface Difference {
  readonly name: string
  readonly shape: readonly number[]
  readonly absolute: number
  readonly relative: number
  /** Largest relative difference that passes. */
  readonly limit: number
  readonly passes: boolean
}

const LIMIT = 1e-4
const LOSS_LIMIT = 1e-5
/** Magnitude below which a tensor counts as zero: the rounding of sums of terms of size 1. */
const LEAST_MAGNITUDE = 1e-7

/** B7, the deepest of the family, has 3.1. */
const MAX_DEPTH = 4

type Computed = Map<string, Float32Array>

const RUNNERS: Readonly<Record<string, (given: ReferenceCase) => Computed | Promise<Computed>>> = {
  forward: runForwardCase,
  'feature-maps': runMapCase,
  'moma-step': runMomaCase,
  'train-steps': runTrainCase,
}

/**
 * Computes a case and compares each tensor it expects. The engine must be started.
 * @throws {TesseraError} ERR_CASE_FILE if its kind is unknown, it expects nothing, or it cannot be computed; another code where a part of
 * it does not fit.
 */
export async function compareCase(file: CaseFile): Promise<Difference[]> {
  const run = Object.hasOwn(RUNNERS, file.kind) ? RUNNERS[file.kind] : undefined
  if (!run) {
    const kinds = Object.keys(RUNNERS).join(', ')
    throw new TesseraError(
      'ERR_CASE_FILE',
      `kind must be one of ${kinds}, got ${JSON.stringify(file.kind.slice(0, 40))}`,
    )
  }
  if (file.wanted.size === 0) {
    throw new TesseraError('ERR_CASE_FILE', 'case must expect at least one tensor, got none')
  }
  assertModestDepth(file.config)
  const got = await compute(run, file)
  return [...file.wanted].map(([name, want]) => difference(name, got.get(name), want))
}

/** A network is laid out before its parameters are looked at: a depth of 10⁹ would fill the memory first. */
function assertModestDepth(config: unknown): void {
  const depth =
    typeof config === 'object' && config !== null && 'depthMultiplier' in config ? config.depthMultiplier : 1
  if (typeof depth === 'number' && depth <= MAX_DEPTH) return
  throw new TesseraError(
    'ERR_CASE_FILE',
    `config.depthMultiplier must be at most ${MAX_DEPTH}, got ${String(depth).slice(0, 40)}`,
  )
}

async function compute(
  run: (given: ReferenceCase) => Computed | Promise<Computed>,
  file: CaseFile,
): Promise<Computed> {
  try {
    return await run(file)
  } catch (cause) {
    if (cause instanceof TesseraError) throw cause
    // The back end refused an operation: tensors of a case can be at odds in ways that only it sees.
    const reason = cause instanceof Error ? cause.message.split('\n', 1)[0]?.slice(0, 200) : String(cause)
    throw new TesseraError('ERR_CASE_FILE', `case must have tensors that fit together, got: ${reason}`, {
      cause,
    })
  }
}

function difference(
  name: string,
  got: Float32Array | undefined,
  { shape, data: want }: CaseTensor,
): Difference {
  if (got?.length !== want.length) {
    const message = `expect.${name} must have ${got?.length ?? 0} values, got ${want.length}`
    throw new TesseraError('ERR_CASE_FILE', message)
  }
  let absolute = 0
  let magnitude = LEAST_MAGNITUDE
  for (const [i, value] of want.entries()) {
    const gap = Math.abs((got[i] ?? Number.NaN) - value)
    // NaN compares false with everything: it must not slip through as 0.
    absolute = Number.isNaN(gap) ? Number.POSITIVE_INFINITY : Math.max(absolute, gap)
    magnitude = Math.max(magnitude, Math.abs(value))
  }
  const relative = absolute / magnitude
  const limit = name.startsWith('loss') ? LOSS_LIMIT : LIMIT
  return { name, shape, absolute, relative, limit, passes: relative <= limit }
}
