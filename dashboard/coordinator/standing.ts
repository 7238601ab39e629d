/** @file The word and the tone for each state of a study, a site and a site's part in a round. */
import type { MemberState, SiteRow, SiteStanding, StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import type { Tone } from '../components/status-badge.tsx'
import { text } from '../text/en.ts'

export interface Standing {
  readonly tone: Tone
  readonly label: string
}

const PHASES: Readonly<Record<StudyRow['phase'], Tone>> = {
  waiting: 'warn',
  collecting: 'busy',
  closed: 'busy',
  finished: 'ok',
  stopped: 'alarm',
  cancelled: 'idle',
  halted: 'alarm',
}

export function studyStanding({ phase, paused }: Pick<StudyRow, 'phase' | 'paused'>): Standing {
  const over = phase === 'finished' || phase === 'cancelled' || phase === 'halted'
  if (paused && !over) return { tone: 'warn', label: text.phases.paused }
  return { tone: PHASES[phase], label: text.phases[phase] }
}

const STANDINGS: Readonly<Record<SiteStanding, Tone>> = {
  invited: 'idle',
  lapsed: 'idle',
  pending: 'warn',
  enrolled: 'ok',
  revoked: 'idle',
}

export function siteStanding({
  state,
  online,
  alarms,
}: Pick<SiteRow, 'state' | 'online' | 'alarms'>): Standing {
  if (state !== 'enrolled') return { tone: STANDINGS[state], label: text.standings[state] }
  if (alarms.length > 0) return { tone: 'alarm', label: text.standings.leftOut }
  return online.length > 0
    ? { tone: 'ok', label: text.standings.online }
    : { tone: 'idle', label: text.standings.offline }
}

/** States of a site in a round, in the order of a round, and how far each is. */
export const MEMBER_STEPS: readonly MemberState[] = [
  'offered',
  'fetching',
  'training',
  'uploading',
  'accepted',
]

const MEMBERS: Readonly<Record<MemberState, Tone>> = {
  idle: 'idle',
  offered: 'idle',
  fetching: 'busy',
  training: 'busy',
  uploading: 'busy',
  accepted: 'ok',
  late: 'warn',
  declined: 'warn',
  missed: 'alarm',
}

export function memberStanding(state: MemberState): Standing {
  return { tone: MEMBERS[state], label: text.members[state] }
}
