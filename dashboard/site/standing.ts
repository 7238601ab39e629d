/** @file How the site is, in words: what needs a person, and the page's first line. */
import type { SiteView } from '@tessera/shared/dashboard/site-view'
import { formatAgo } from '../components/format.ts'
import type { Tone } from '../components/status-badge.tsx'
import { text } from '../text/site.ts'
import type { ViewName } from './route.ts'

export interface Concern {
  readonly tone: 'alarm' | 'warn'
  readonly title: string
  readonly note: string
  /** Where it is seen to. */
  readonly view: ViewName
}

export interface Standing {
  readonly tone: Tone
  readonly label: string
}

/** What needs a person, the worst first. */
export function concernsOf(view: SiteView, nowMs: number): Concern[] {
  const { agent, connection, departed, data, policy } = view
  const texts = text.verdict
  const found: Concern[] = []
  const add = (tone: Concern['tone'], view: ViewName, title: string, note: string): void => {
    found.push({ tone, view, title, note })
  }
  if (departed.chain === 'broken') add('alarm', 'frames', texts.broken, departed.sentence)
  if (policy.file === 'unreadable') add('alarm', 'policy', texts.unreadablePolicy, policy.fault)
  if (data.fault !== null) add('alarm', 'data', texts.badData, data.fault.message)
  if (agent.toApprove !== null) add('warn', 'round', texts.approve(agent.toApprove), reasonOf(view))
  if (agent.pausedSinceMs !== null)
    add('warn', 'round', texts.paused, text.reasons['ERR_POLICY_PAUSED'] ?? '')
  if (policy.file === 'unsigned') add('warn', 'policy', texts.unsigned, text.policy.notes.unsigned)
  if (connection.state === 'lost' && !isOver(view))
    add('warn', 'round', texts.lost(formatAgo(connection.sinceMs, nowMs)), connection.reason ?? '')
  if (agent.state === 'declined') add('warn', 'round', texts.declined, reasonOf(view))
  return found
}

/** The first line. */
export function verdictOf(
  view: SiteView,
  concerns: readonly Concern[],
): { readonly tone: Tone; readonly title: string; readonly note: string } {
  const [first] = concerns
  const { departed } = view
  const note = text.verdict.note(departed.today.bytes, departed.lines)
  if (first !== undefined) return { tone: first.tone, title: first.title, note: first.note || note }
  return { tone: 'ok', title: text.verdict.well(workOf(view)), note }
}

/** What the agent is at, as a badge. */
export function agentStanding({ agent }: Pick<SiteView, 'agent'>): Standing {
  if (agent.pausedSinceMs !== null) return { tone: 'warn', label: text.agent.paused }
  return { tone: AGENT_TONES[agent.state], label: text.agent[agent.state] }
}

/** Why the agent waits or has declined, in words where there are any. */
export function reasonOf({ agent }: Pick<SiteView, 'agent'>): string {
  if (agent.code === null) return ''
  return text.reasons[agent.code] ?? agent.reason ?? agent.code
}

/** True when the study is over for this site. */
export function isOver({ agent: { state } }: Pick<SiteView, 'agent'>): boolean {
  return state === 'finished' || state === 'cancelled' || state === 'left'
}

const AGENT_TONES: Readonly<Record<SiteView['agent']['state'], Tone>> = {
  starting: 'busy',
  idle: 'ok',
  fetching: 'busy',
  training: 'busy',
  waiting: 'warn',
  uploading: 'busy',
  declined: 'warn',
  finished: 'ok',
  cancelled: 'idle',
  left: 'idle',
}

function workOf({ agent, round }: SiteView): string {
  if (agent.state === 'training' && round !== null) {
    return text.verdict.training(round.round, round.rounds, text.left(round.secondsLeft))
  }
  return text.agent[agent.state].toLowerCase()
}
