/** @file The verb `aggregation`: how fast the coordinator combines stored deltas, beside numpy on the same in memory, and beside reading them once. */
import { availableParallelism } from 'node:os'
import { systemClock } from '@tessera/shared/clock'
import { catchStop } from '@tessera/shared/until-stopped'
import { ownProcess } from '../contenders.ts'
import type { ContenderSpec } from '../contest/contender.ts'
import { runContest } from '../contest/referee.ts'
import { findPython, peerFile } from '../peers.ts'
import { describeMachine } from '../report/machine.ts'
import { type ContestResult, contestResult, writeResults } from '../report/results.ts'
import { contestTable } from '../report/table.ts'
import { clearProgress, showProgress } from '../screen.ts'

export interface AggregationFlags {
  readonly updates: readonly number[]
  readonly floats: number
  readonly encoding: string
  readonly rounds: number
  readonly threads?: number
  readonly python?: string
  readonly out?: string
}

type Rule = 'mean' | 'median'

const TITLES: Readonly<Record<string, string>> = {
  tessera: 'Tessera',
  numpy: 'numpy',
  'numpy-average': 'np.average',
  memory: 'reading once',
}
const BASES = ['numpy', 'numpy-average', 'memory']
const ANSWER_MS = 10 * 60_000
const BUDGET_MS = 20 * 60_000

/** @throws {TesseraError} ERR_BENCH_PEER, ERR_INTERRUPTED, ERR_STORE_WRITE */
export async function measureAggregation(flags: AggregationFlags): Promise<void> {
  const { updates, floats, encoding, rounds, threads = availableParallelism(), out } = flags
  const python = await findPython(flags.python, ['numpy', 'torch'])
  const { signal } = catchStop()
  const machine = describeMachine()
  const contests: ContestResult[] = []
  for (const count of updates) {
    for (const rule of ['mean', 'median'] as const) {
      const label = `${rule} of ${count} ${encoding}`
      const performances = await runContest({
        contenders: contenders(flags, count, rule, threads, python.command),
        rounds,
        warmUpSteps: 2,
        slotSeconds: 1,
        budgetMs: BUDGET_MS,
        answerMs: ANSWER_MS,
        clock: systemClock,
        signal,
        onProgress: showProgress(`${label}: `),
      }).finally(clearProgress)
      // Of float32 values, whatever they are encoded in: the rate says how many values are combined.
      const megabytes = Math.round((count * floats * 4) / 1e6)
      const result = contestResult(label, megabytes, performances, BASES)
      process.stdout.write(contestTable(result, 'MB', TITLES))
      contests.push(result)
    }
  }
  const [first, ...others] = contests
  if (out === undefined || first === undefined) return
  await writeResults(out, {
    format: 'tessera-bench',
    version: 1,
    kind: 'aggregation',
    date: new Date().toISOString(),
    machine,
    settings: { floats, encoding, rounds, threads },
    contests: [first, ...others],
  })
  process.stdout.write(`written: ${out}\n`)
}

function contenders(
  { floats, encoding }: AggregationFlags,
  count: number,
  rule: Rule,
  threads: number,
  python: string,
): ContenderSpec[] {
  const common = ['--updates', `${count}`, '--floats', `${floats}`]
  const peer = (name: string, theirs: string): ContenderSpec => ({
    name,
    command: python,
    args: [peerFile('aggregation.py'), ...common, '--rule', theirs, '--threads', `${threads}`],
  })
  return [
    ownProcess('tessera', 'aggregation', [...common, '--rule', rule, '--encoding', encoding], threads),
    peer('numpy', rule),
    ...(rule === 'mean' ? [peer('numpy-average', 'average')] : []),
    peer('memory', 'read'),
  ]
}
