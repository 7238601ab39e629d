/**
 * @file Which of the sites that are there are offered a round. Drawn from the study's seed: whoever knows the study and who was there can draw
 * again. More are asked than are needed, so that the slowest do not hold the round up (Bonawitz et al., "Towards Federated Learning at
 * Scale", MLSys 2019, section 2.2).
 */
import { createRandom } from '@tessera/shared/random'
import { isEnough } from './deadline.ts'
import type { RoundsState } from './state.ts'

/** @param there Sites that are there and have no update in this round yet. Both lists are in the order of site ids. */
export function drawCohort(
  { seed, round, attempt, carried, policy }: RoundsState,
  there: readonly string[],
): { asked: string[]; notDrawn: string[] } {
  const { cohort } = policy
  const sorted = there.toSorted()
  if (cohort === null) return { asked: sorted, notDrawn: [] }
  // Someone, as long as what is there is not enough: a round that nobody is asked for gets no further.
  const fewest = isEnough(policy, [...carried.values()]) ? 0 : 1
  const count = Math.max(fewest, cohort.size - carried.size) + cohort.overSelect
  const drawn = new Set(createRandom(`${seed}/cohort/${round}/${attempt}`).shuffled(sorted).slice(0, count))
  return {
    asked: sorted.filter((site) => drawn.has(site)),
    notDrawn: sorted.filter((site) => !drawn.has(site)),
  }
}
