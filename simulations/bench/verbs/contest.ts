/** @file Runs a contest a size and prints and writes what it showed: the verbs `engine` and `evaluate`. */

import { availableParallelism } from 'node:os'
import { systemClock } from '@tessera/shared/clock'
import { catchStop } from '@tessera/shared/until-stopped'
import { CONTENDERS, type ContenderName, contenderSpec, isPeer, type Work } from '../contenders.ts'
import { runContest } from '../contest/referee.ts'
import { findPython } from '../peers.ts'
import { describeMachine } from '../report/machine.ts'
import { type ContestResult, contestResult, type Results, writeResults } from '../report/results.ts'
import { contestTable } from '../report/table.ts'
import { clearProgress, showProgress } from '../screen.ts'
import { type Size, sizeText } from '../sizes.ts'

export interface ContestFlags {
  readonly size: readonly Size[]
  readonly contenders: readonly ContenderName[]
  readonly rounds: number
  readonly slot: number
  readonly minutes: number
  readonly threads?: number
  readonly python?: string
  readonly masking: boolean
  readonly quick?: true
  readonly out?: string
}

/** What others are held against. */
const BASES: readonly ContenderName[] = ['torch', 'torch-compile', 'torch-autotune', 'cpu']
/** The longest that a contender may be silent: torch.compile takes minutes, a step of the cpu back end as well. */
const ANSWER_MS = 30 * 60_000

/** @throws {TesseraError} ERR_BENCH_PEER, ERR_INTERRUPTED, ERR_STORE_WRITE */
export async function runContests(work: Work, flags: ContestFlags): Promise<void> {
  const { size: sizes, contenders, masking } = flags
  const threads = flags.threads ?? availableParallelism()
  const quick = flags.quick === true
  const rounds = quick ? 2 : flags.rounds
  const slotSeconds = quick ? 1 : flags.slot
  const python = contenders.some(isPeer) ? await findPython(flags.python) : null
  const machine = describeMachine()
  const { signal } = catchStop()
  const contests: ContestResult[] = []
  for (const size of sizes) {
    const start = { work, size, threads, python: python?.command ?? null, masking }
    const performances = await runContest({
      contenders: contenders.map((name) => contenderSpec(name, start)),
      rounds,
      warmUpSteps: quick ? 2 : 4,
      slotSeconds,
      budgetMs: (flags.minutes * 60_000) / sizes.length,
      answerMs: ANSWER_MS,
      clock: systemClock,
      signal,
      onProgress: showProgress(`${sizeText(size)} `),
    }).finally(clearProgress)
    const result = contestResult(sizeText(size), size.batch, performances, BASES)
    contests.push(result)
    process.stdout.write(`${contestTable(result, 'images', CONTENDERS)}\n`)
  }
  if (flags.out === undefined) return
  const record: Results = {
    format: 'tessera-bench',
    version: 1,
    kind: work === 'step' ? 'engine' : 'evaluate',
    date: new Date().toISOString(),
    machine,
    settings: { threads, rounds, slotSeconds, ...(work === 'step' ? { masking } : {}) },
    contests,
  }
  await writeResults(flags.out, record)
  process.stdout.write(`written: ${flags.out}\n`)
}
