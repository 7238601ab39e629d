/** @file The publication of a study's closed round: computed outside the order of decisions, then taken as one of them. */
import type { Layout } from '@tessera/shared/model'
import type { Study } from '@tessera/shared/protocol'
import { observed } from '../operation/observer.ts'
import { publishRound, type Watch } from './publish.ts'
import type { StudyContext } from './study-context.ts'
import type { StudyLog } from './study-log.ts'

/** @param plan SHA-256 of the study's plan. */
export function createPublishing(
  { study, layout, plan }: { study: Study; layout: Layout; plan: string },
  { state, take }: Pick<StudyLog, 'state' | 'take'>,
  { store, key, clock, log, observer, deciding }: Omit<StudyContext, 'onEnd' | 'recorded'>,
): () => Promise<void> {
  return async () => {
    const startedMs = clock.elapsed()
    const { round, attempt } = state()
    const watch: Watch = (work, doing) => observed(observer, clock, { work, study: study.id, round }, doing)
    const { diagnostics, ...made } = await watch('publish', () =>
      publishRound({ study, layout, plan }, state(), store, key, watch),
    )
    const events = await deciding(() => take({ type: 'publish', ...made }))
    // Cancelled, or halted, while it was computed.
    if (events === 0) return
    log.info('round.published', {
      round,
      attempt,
      sites: diagnostics.sites,
      samples: diagnostics.samples,
      norm: diagnostics.norm,
      sha256: made.student,
      durationMs: Math.round(clock.elapsed() - startedMs),
    })
  }
}
