/** @file The participation report for people: a paragraph a round, a line a site. */
import type { SiteParticipation } from '../rounds/index.ts'
import type { StudyReport } from './control.ts'

/** Lines of the report; alarms first. */
export function reportText({ study, phase, excluded, rounds }: StudyReport): string {
  const lines = [`study ${study}, ${phase}`]
  for (const { site, rounds } of excluded)
    lines.push(`ALARM  ${site} is left out of ${rounds} rounds running`)
  if (rounds.length === 0) lines.push('no round has ended yet')
  for (const { round, attempt, outcome, openedAtMs, closedAtMs, samples, sites } of rounds) {
    const tries = attempt === 1 ? '' : `, attempt ${attempt}`
    const end = outcome === 'publish' ? `${samples} samples` : 'too few updates: opened again'
    lines.push('', `round ${round}${tries}: ${end}, ${duration(closedAtMs - openedAtMs)}`)
    const width = Math.max(...sites.map(({ site }) => site.length))
    for (const seen of sites) lines.push(`  ${seen.site.padEnd(width)}  ${siteText(seen)}`)
  }
  return `${lines.join('\n')}\n`
}

function siteText(seen: SiteParticipation): string {
  const { part, samples, norm, afterMs, staleness, code, leftOut } = seen
  if (part === 'contributed') {
    const when = staleness
      ? `late by ${staleness} ${staleness === 1 ? 'round' : 'rounds'}`
      : `after ${duration(afterMs ?? 0)}`
    return `contributed ${samples} samples, norm ${norm?.toPrecision(3)}, ${when}`
  }
  const running = leftOut > 1 ? `, ${leftOut} rounds running` : ''
  return `${part.replace('-', ' ')}${code === null ? '' : ` (${code})`}${running}`
}

/** `1 h 5 min`, `12 min`, `3.2 s`. */
function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
