/** @file The verb `check`: do the contenders do the same work? The same steps from the same weights and the same batch, and their losses beside each other. */
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { catchStop } from '@tessera/shared/until-stopped'
import { CONTENDERS, type ContenderName, contenderSpec, isPeer } from '../contenders.ts'
import { runContest } from '../contest/referee.ts'
import { findPython } from '../peers.ts'
import { clearProgress, showProgress } from '../screen.ts'
import { type Size, sizeText } from '../sizes.ts'

export interface CheckFlags {
  readonly size: readonly Size[]
  readonly contenders: readonly ContenderName[]
  readonly python?: string
}

/**
 * Two steps: the second's loss hangs on everything that the first one moved. Later ones tell rounding apart, not work: each step multiplies
 * the difference by about ten.
 */
const STEPS = 2
/** Relative. Two engines that add in another order differ by 1e-6 to 1e-5 after a step of B0; a term left out, by 1e-2 or more. */
const TOLERANCE = 1e-4

/**
 * The first contender must be one of ours: it writes the weights that the others start from.
 * @throws {TesseraError} ERR_CASE_DIFFERS if losses differ; ERR_USAGE, ERR_BENCH_PEER, ERR_INTERRUPTED.
 */
export async function checkWork({ size: sizes, contenders, python }: CheckFlags): Promise<void> {
  if (contenders[0] === undefined || isPeer(contenders[0])) {
    throw new TesseraError('ERR_USAGE', `first contender must be one of ours, got ${contenders[0] ?? 'none'}`)
  }
  const peer = contenders.some(isPeer) ? await findPython(python) : null
  const { signal } = catchStop()
  const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'))
  try {
    for (const size of sizes) {
      const startFile = join(folder, 'start.safetensors')
      const start = {
        work: 'step',
        size,
        threads: availableParallelism(),
        masking: false,
        startFile,
      } as const
      const performances = await runContest({
        contenders: contenders.map((name) =>
          contenderSpec(name, { ...start, python: peer?.command ?? null }),
        ),
        rounds: 0,
        warmUpSteps: STEPS,
        slotSeconds: 0,
        budgetMs: 0,
        answerMs: 30 * 60_000,
        clock: systemClock,
        signal,
        onProgress: showProgress(`${sizeText(size)} `),
      }).finally(clearProgress)
      const losses = performances.map(({ name, warmUpLosses }) => ({ name, losses: warmUpLosses }))
      process.stdout.write(`${sizeText(size)}, loss of each step\n`)
      for (const { name, losses: each } of losses) {
        process.stdout.write(
          `  ${CONTENDERS[name as ContenderName].padEnd(22)}${each.map((l) => l.toFixed(5)).join('  ')}\n`,
        )
      }
      assertSameLosses(losses)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  process.stdout.write(`The losses agree to ${TOLERANCE} of their size.\n`)
}

/** @throws {TesseraError} ERR_CASE_DIFFERS if a loss is further from the first contender's than {@link TOLERANCE}, or missing. */
export function assertSameLosses(all: readonly { name: string; losses: readonly number[] }[]): void {
  const [first, ...others] = all
  for (const { name, losses } of others) {
    for (const [step, want] of (first?.losses ?? []).entries()) {
      const got = losses[step] ?? Number.NaN
      if (Math.abs(got - want) <= TOLERANCE * Math.abs(want)) continue
      throw new TesseraError(
        'ERR_CASE_DIFFERS',
        `loss of step ${step + 1} must be ${want} as ${first?.name} has it, got ${got} from ${name}`,
      )
    }
  }
}
