/** @file A site that lies: it trains as it should, and sends something else, well formed and well signed. */
import { createRandom } from '@tessera/shared/random'
import type { TrainerFactory } from '@tessera/site-agent'
import type { Fault } from '../experiment/faults.ts'

type Weights = Awaited<ReturnType<Awaited<ReturnType<TrainerFactory>>['trainRound']>>['student']
type Lie = Extract<Fault, { do: 'byzantine' }>

/** Trainers of `create` whose student is changed in the rounds of these faults, those of one site. */
export function byzantineTrainer(create: TrainerFactory, faults: readonly Fault[]): TrainerFactory {
  const lies = faults.filter((fault): fault is Lie => fault.do === 'byzantine')
  if (lies.length === 0) return create
  return async (options) => {
    const trainer = await create(options)
    return {
      state: () => trainer.state(),
      dispose: () => trainer.dispose(),
      async trainRound(round) {
        const result = await trainer.trainRound(round)
        const lie = lies.find(({ rounds }) => rounds.includes(round.round))
        if (lie === undefined) return result
        const seed = `${options.study.seed}/${options.site}/round-${round.round}/lie`
        return { ...result, student: changed(round.student, result.student, lie, seed) }
      },
    }
  }
}

function changed(
  base: Weights,
  trained: Weights,
  { how, times }: Lie,
  seed: string,
): Map<string, Float32Array> {
  const random = createRandom(seed)
  return new Map(
    [...trained].map(([name, values]) => {
      const from = base.get(name) ?? new Float32Array(values.length)
      const delta = values.map((value, i) => value - (from[i] ?? 0))
      const size = Math.sqrt(delta.reduce((sum, x) => sum + x * x, 0) / delta.length)
      // Variances must stay positive: what is no weight is scaled, never drawn.
      const drawn = how === 'noise' && !name.includes('running')
      return [
        name,
        values.map((_, i) => {
          const lie = times * (drawn ? size * random.normal() : (delta[i] ?? 0))
          const value = (from[i] ?? 0) + lie
          return name.includes('running_var') ? Math.max(0, value) : value
        }),
      ]
    }),
  )
}
