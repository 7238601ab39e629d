/** @file What an operator may ask for that reads whole models: the same functions as the verbs call, by their names. */
import { TesseraError } from '@tessera/shared/errors'
import { openLedgers, verifyLedger } from '../../ledger/index.ts'
import { createStudy, exportStudy } from '../../studies/index.ts'

/** Told of the rounds that have been looked at. */
export type Tell = (done: number, of: number) => void

export const JOBS = {
  async create(options: Parameters<typeof createStudy>[0]) {
    const { study, student, plan, warnings } = await createStudy(options)
    return { study: study.id, student, plan, warnings: [...warnings] }
  },
  async export(options: Parameters<typeof exportStudy>[0]) {
    const { files, card } = await exportStudy(options)
    return { files, round: card.round }
  },
  async verify({ dir, study }: { dir: string; study: string }, tell: Tell) {
    const source = (await openLedgers(dir)).find(({ created }) => created.study.id === study)
    if (source === undefined) throw new TesseraError('ERR_STUDY_UNKNOWN', `study must exist, got ${study}`)
    const of = source.events.filter(({ type }) => type === 'round.published').length
    const { rounds, recomputed, pruned, head } = await verifyLedger(source, {
      onRound: (round) => tell(round - 1, of),
    })
    return { rounds, recomputed, removedThrough: pruned?.through ?? 0, head }
  },
} as const

export type JobName = keyof typeof JOBS
export type JobOptions<N extends JobName> = Parameters<(typeof JOBS)[N]>[0]
export type JobResult<N extends JobName> = Awaited<ReturnType<(typeof JOBS)[N]>>
