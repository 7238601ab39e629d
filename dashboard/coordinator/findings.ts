/** @file Whether all is well, from the view: what is wrong, what waits for the operator, and the page's first line. */
import type { CoordinatorView, SiteRow, StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import type { Tone } from '../components/status-badge.tsx'
import { text } from '../text/en.ts'
import { links } from './route.ts'

export interface Finding {
  readonly id: string
  readonly tone: 'alarm' | 'warn'
  readonly title: string
  /** What it means, or what to do. */
  readonly advice: string
  readonly href: string
}

export interface Verdict {
  readonly tone: Tone
  readonly title: string
  readonly note: string | undefined
}

/** A site that nobody has seen for so long is worth a call; the operator looks once a day. */
const UNSEEN_MS = 24 * 3600 * 1000
const OVER: ReadonlySet<string> = new Set(['finished', 'cancelled', 'halted'])

export const isOver = ({ phase }: Pick<StudyRow, 'phase'>): boolean => OVER.has(phase)

/** Gives what is wrong, the worst first. */
export function findingsOf(view: CoordinatorView, nowMs: number): Finding[] {
  const studies = Object.values(view.studies)
  const sites = Object.values(view.sites)
  const found = [
    ...studies.flatMap((study) => studyFindings(study)),
    ...sites.flatMap((site) => siteFindings(site, studies, nowMs)),
  ]
  return [...found.filter(({ tone }) => tone === 'alarm'), ...found.filter(({ tone }) => tone === 'warn')]
}

function studyFindings(row: StudyRow): Finding[] {
  const { study, phase, paused, verification, alarms, failures } = row
  const texts = text.findings
  const found: Finding[] = []
  const add = (
    kind: string,
    tone: Finding['tone'],
    [title, advice]: readonly [string, string],
    href: string,
  ): void => {
    found.push({ id: `${study}/${kind}`, tone, title, advice, href })
  }
  if (phase === 'halted') add('halted', 'alarm', texts.halted(study), links.study(study))
  if (phase === 'stopped') add('stopped', 'alarm', texts.stopped(study, row.round), links.study(study))
  if (verification?.state === 'broken')
    add('ledger', 'alarm', texts.ledgerBroken(study), links.study(study, 'ledger'))
  if (!isOver(row)) {
    for (const { site, rounds } of alarms) {
      add(`left-out/${site}`, 'alarm', texts.leftOut(site, rounds, study), links.site(site))
    }
  }
  if (failures > 0 && phase !== 'stopped' && !isOver(row)) {
    add('failures', 'warn', texts.failures(study, row.round, failures), links.study(study))
  }
  if (phase === 'waiting' && !paused)
    add('waiting', 'warn', texts.waiting(study, row.minSites), links.study(study))
  return found
}

function siteFindings(row: SiteRow, studies: readonly StudyRow[], nowMs: number): Finding[] {
  const { site, state, online, lastSeenAtMs, alarms } = row
  const href = links.site(site)
  if (state === 'pending') {
    const [title, advice] = text.findings.pending(site)
    return [{ id: `${site}/pending`, tone: 'warn', title, advice, href }]
  }
  const silent = lastSeenAtMs !== null && nowMs - lastSeenAtMs > UNSEEN_MS
  const needed = studies.some((study) => !isOver(study))
  // One that is already left out of rounds has its alarm.
  if (state !== 'enrolled' || online.length > 0 || !silent || !needed || alarms.length > 0) return []
  const [title, advice] = text.findings.unseen(site, nowMs - lastSeenAtMs)
  return [{ id: `${site}/unseen`, tone: 'warn', title, advice, href }]
}

/** The first line, in words. */
export function verdictOf(view: CoordinatorView, findings: readonly Finding[]): Verdict {
  const texts = text.verdict
  const alarms = findings.filter(({ tone }) => tone === 'alarm')
  const first = findings[0]
  const running = runningNote(view)
  if (first !== undefined && alarms.length > 0) {
    return { tone: 'alarm', title: texts.alarms(alarms.length, first.title), note: running }
  }
  if (first !== undefined)
    return { tone: 'warn', title: texts.warnings(findings.length, first.title), note: running }
  if (Object.keys(view.studies).length === 0)
    return { tone: 'idle', title: texts.noStudy, note: texts.noStudyNote }
  return {
    tone: 'ok',
    title: running === undefined ? texts.allQuiet : texts.allWell(running),
    note: undefined,
  }
}

/** What runs; undefined when nothing does. */
function runningNote({ studies, sites }: CoordinatorView): string | undefined {
  const open = Object.values(studies).filter((study) => !isOver(study) && study.phase !== 'stopped')
  const [only] = open
  if (only === undefined) return undefined
  if (open.length > 1) {
    const online = Object.values(sites).filter((site) => site.online.length > 0).length
    return text.verdict.several(open.length, online)
  }
  if (only.paused) return text.verdict.paused(only.study, only.round, only.rounds)
  const { counts } = only
  const training = counts.offered + counts.fetching + counts.training + counts.uploading
  const offered = training + counts.accepted + counts.declined + counts.missed
  return text.verdict.round(only, { training, accepted: counts.accepted, offered })
}
