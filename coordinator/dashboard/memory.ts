/** @file What the dashboard keeps of the log: each study's past, and when each site was last heard of. Fed with every event, from the first to the newest. */
import type { StoredEvent, StudyCreated } from '../events.ts'
import { isIdentityEvent } from '../events.ts'
import { createJudged, type Judged } from './judged.ts'
import { createPast, type Past } from './past.ts'

export interface StudyMemory {
  readonly createdAtMs: number
  readonly past: Past
  readonly judged: Judged
}

export interface Memory {
  note(event: StoredEvent): void
  /** Of a study that was created. */
  study(id: string): StudyMemory | undefined
  /** When the log last has something that came from the site. */
  heardOf(site: string): number | null
}

/** Builds it, empty. */
export function createMemory(): Memory {
  const studies = new Map<string, StudyMemory>()
  const heard = new Map<string, number>()
  return {
    study: (id) => studies.get(id),
    heardOf: (site) => heard.get(site) ?? null,
    note(event) {
      if (event.type === 'study.created') return begin(studies, event)
      if (event.type === 'site.enrolled' || event.type === 'site.rekeyed') heard.set(event.site, event.atMs)
      if (isIdentityEvent(event)) return
      if (event.type === 'update.accepted' || event.type === 'judgement.accepted') {
        heard.set(event.site, event.receivedAtMs)
      } else if (event.type === 'round.declined') heard.set(event.site, event.atMs)
      const concerned = event.type === 'site.revoked' ? [...studies.values()] : [studies.get(event.study)]
      for (const study of concerned) {
        study?.past.note(event)
        study?.judged.note(event)
      }
    },
  }
}

/** A study that a crash has logged twice counts once. */
function begin(studies: Map<string, StudyMemory>, { study, atMs }: StudyCreated): void {
  if (studies.has(study.id)) return
  studies.set(study.id, {
    createdAtMs: atMs,
    past: createPast(study.id),
    judged: createJudged(study),
  })
}
