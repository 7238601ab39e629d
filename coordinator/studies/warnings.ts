/** @file What an operator should know of a study that can be run: choices that cost something. Printed when it is created. */
import type { Study } from '@tessera/shared/protocol'

/** Share of a teacher's first weights in its last ones, above which it has hardly followed: the default momentum is meant for thousands of steps. */
const MOSTLY = 0.9

/** One sentence each; empty when the study has nothing unusual. */
export function studyWarnings({ federation, method, teacher, training }: Study): string[] {
  const { strategy, guards } = federation
  const warnings: string[] = []
  if (strategy.name === 'median' || strategy.name === 'trimmed-mean') {
    warnings.push(
      `strategy ${strategy.name} counts every site alike: where nobody attacks and sites differ in size, its error was 20 to 28 times that of the weighted mean; fedavg with its norm guard is the default for a reason (docs/aggregation.md)`,
    )
  }
  if (strategy.name === 'fedbn') {
    warnings.push(
      "strategy fedbn leaves batch norms at the sites: the published student has the initial ones, and is good only with a site's own",
    )
  }
  if (guards.adaptiveNorm === 'off') {
    warnings.push(
      `guards.adaptiveNorm is off: one site may move the student by a delta of up to maxNorm ${federation.maxNorm}, however long the others' are`,
    )
  }
  if (teacher?.momentum === 'global' && method.name === 'moma') {
    const left = method.momentum ** (training.rounds - 1)
    if (left > MOSTLY) {
      warnings.push(
        `teacher.momentum is global, and method.momentum ${method.momentum} is then that of a round: after ${training.rounds} rounds ${Math.round(100 * left)} % of the teacher is what it was at the start`,
      )
    }
  }
  return warnings
}
