/**
 * @file What each site of a study is doing, and what its agent has said of itself: for people only, nothing is decided on it. Memory: one record for each site
 * that has joined.
 */
import type { Clock } from '@tessera/shared/clock'
import type { TrainingProgress } from './progress.ts'
import type { Claim } from './study-context.ts'

/** Steps of an attempt that only this end's memory knows the time of. */
export type Step = 'fetching' | 'training' | 'uploading' | 'declined'

export interface SiteActivity {
  /** As its agent says at its latest join; null before one. */
  readonly version: string | null
  readonly engine: string | null
  readonly seenAtMs: number
  /** Lately; kept until there is a newer one. */
  readonly imagesPerSecond: number | null
  /** In this attempt, from here on. */
  readonly sinceMs: Readonly<Partial<Record<Step, number>>>
  readonly training: TrainingProgress | null
  /** Of models. */
  readonly bytesDown: number
}

export interface Activity {
  of(site: string): SiteActivity | null
  /** By site, of those that have told any in this attempt. */
  training(): ReadonlyMap<string, TrainingProgress>
  /** Bytes of models that all sites have fetched since the start. */
  bytesDown(): number
  /** A new attempt is open. */
  opened(): void
  joined(site: string, claim: Pick<Claim, 'agentVersion' | 'engine'>): void
  /** The site has shown that it is there. */
  seen(site: string): void
  fetched(site: string, bytes: number): void
  trained(site: string, told: TrainingProgress): void
  /** It has come to a step. The first time counts. */
  came(site: string, step: Step): void
}

const UNKNOWN = { version: null, engine: null, imagesPerSecond: null } as const
const NOTHING_DONE = { sinceMs: {}, training: null, bytesDown: 0 } as const

/** Builds the activity of one study, empty. @param batchSize Images of a training step. */
export function createActivity(clock: Clock, batchSize: number): Activity {
  const sites = new Map<string, SiteActivity>()
  /** The first steps that each site has told of in this attempt: what its speed is measured from. */
  const began = new Map<string, { step: number; elapsedMs: number }>()
  let bytesDown = 0

  const note = (site: string, changes: Partial<SiteActivity> = {}): void => {
    const before = sites.get(site) ?? { ...UNKNOWN, ...NOTHING_DONE }
    sites.set(site, { ...before, ...changes, seenAtMs: clock.now() })
  }
  const since = (site: string, step: Step): SiteActivity['sinceMs'] => {
    const before = sites.get(site)?.sinceMs ?? {}
    return { ...before, [step]: before[step] ?? clock.now() }
  }
  const speed = (site: string, { step }: TrainingProgress): Partial<SiteActivity> => {
    const from = began.get(site)
    const elapsedMs = clock.elapsed()
    // A step back: a restart of its agent, which has begun again.
    if (from === undefined || step < (sites.get(site)?.training?.step ?? 0)) {
      began.set(site, { step, elapsedMs })
      return {}
    }
    if (step <= from.step || elapsedMs <= from.elapsedMs) return {}
    return { imagesPerSecond: ((step - from.step) * batchSize * 1000) / (elapsedMs - from.elapsedMs) }
  }
  return {
    of: (site) => sites.get(site) ?? null,
    training: () =>
      new Map([...sites].flatMap(([site, { training }]) => (training === null ? [] : [[site, training]]))),
    bytesDown: () => bytesDown,
    opened() {
      began.clear()
      for (const [site, activity] of sites) sites.set(site, { ...activity, ...NOTHING_DONE })
    },
    joined: (site, { agentVersion, engine }) => note(site, { version: agentVersion, engine: engine ?? null }),
    seen: (site) => note(site),
    fetched(site, bytes) {
      bytesDown += bytes
      const before = sites.get(site)?.bytesDown ?? 0
      note(site, { sinceMs: since(site, 'fetching'), bytesDown: before + bytes })
    },
    trained: (site, told) =>
      note(site, { sinceMs: since(site, 'training'), training: told, ...speed(site, told) }),
    came: (site, step) => note(site, { sinceMs: since(site, step) }),
  }
}
