/** @file The sites of one study as the page shows them: where each is in the running round, and what it has done before. */
import type { MemberRow, MemberState } from '@tessera/shared/dashboard/coordinator-view'
import type { StudyRun } from '../running/index.ts'
import type { Past } from './past.ts'

/** All that have to do with the running round, or were ever offered one. */
export function memberNames(run: StudyRun): string[] {
  const { current, leftOut } = run.state()
  const names = [
    ...leftOut.keys(),
    ...(current?.offers.keys() ?? []),
    ...(current?.accepted.keys() ?? []),
    ...run.connected(),
  ]
  return [...new Set(names)].toSorted()
}

/** Where each of these sites is in the running round. */
export function memberStates(run: StudyRun, sites: readonly string[]): Map<string, MemberState> {
  const { current, phase } = run.state()
  const announced = run.announced()
  const stateOf = (site: string): MemberState => {
    if (current?.excused.has(site)) return 'declined'
    if (current?.accepted.has(site)) return 'accepted'
    if (!current?.offers.has(site)) return announced.has(site) ? 'late' : 'idle'
    if (phase !== 'collecting') return 'missed'
    if (announced.has(site)) return 'uploading'
    const since = run.activity(site)?.sinceMs
    if (since?.training !== undefined) return 'training'
    return since?.fetching === undefined ? 'offered' : 'fetching'
  }
  return new Map(sites.map((site) => [site, stateOf(site)]))
}

/** One row a site. */
export function memberRows(run: StudyRun, past: Past): MemberRow[] {
  const sites = memberNames(run)
  const states = memberStates(run, sites)
  const connected = new Set(run.connected())
  const announced = run.announced()
  const { current, leftOut } = run.state()
  return sites.map((site): MemberRow => {
    const activity = run.activity(site)
    const delivered = current?.accepted.get(site)
    const upload = announced.get(site)
    const training = activity?.training
    return {
      site,
      online: connected.has(site),
      state: states.get(site) ?? 'idle',
      code:
        current?.excused.get(site) ??
        current?.end?.absent.find((absence) => absence.site === site)?.code ??
        null,
      sinceMs: {
        ...(current?.offers.has(site) && { offered: current.openedAtMs }),
        ...activity?.sinceMs,
        ...(delivered && { accepted: delivered.receivedAtMs }),
      },
      step: delivered ? (training?.steps ?? 0) : (training?.step ?? 0),
      steps: training?.steps ?? 0,
      loss: delivered ? delivered.loss : (training?.loss ?? null),
      secondsLeft: delivered ? 0 : (training?.secondsLeft ?? null),
      imagesPerSecond: activity?.imagesPerSecond ?? null,
      bytesDown: activity?.bytesDown ?? 0,
      bytesUp: delivered?.bytes ?? upload?.bytes ?? 0,
      bytesTotal: delivered?.bytes ?? upload?.totalBytes ?? 0,
      last: past.last(site),
      missed: leftOut.get(site) ?? 0,
    }
  })
}
