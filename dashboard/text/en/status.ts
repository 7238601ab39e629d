/** @file Words for how things are: the first line, findings, states. */
import type { StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import { formatDuration, plural } from '../../components/format.ts'

/** Sites of the running round. */
export interface RoundParts {
  readonly training: number
  readonly accepted: number
  readonly offered: number
}

/** `round 7 of 20, 5 of 5 sites training, 4 min left`. */
function roundLine(study: StudyRow, { training, accepted, offered }: RoundParts): string {
  const round = `round ${study.round} of ${study.rounds}`
  if (study.phase === 'waiting') return `${round} waits for sites`
  if (study.phase === 'closed') return `${round}, its student is being made`
  const sites =
    training > 0
      ? `${training} of ${offered} sites training`
      : `${accepted} of ${offered} sites have delivered`
  return study.secondsLeft === null
    ? `${round}, ${sites}`
    : `${round}, ${sites}, ${formatDuration(study.secondsLeft)} left`
}

export const status = {
  verdict: {
    alarms: (count: number, first: string): string =>
      count === 1 ? `1 alarm: ${first}` : `${count} alarms: ${first}, and ${count - 1} more`,
    warnings: (count: number, first: string): string =>
      count === 1
        ? `1 thing to look at: ${first}`
        : `${count} things to look at: ${first}, and ${count - 1} more`,
    allWell: (running: string): string => `All well: ${running}`,
    allQuiet: 'All well: no study is running',
    noStudy: 'No study yet',
    noStudyNote: 'Create one, invite sites, and the first round opens when enough of them are there.',
    several: (studies: number, online: number): string =>
      `${studies} studies running, ${plural(online, 'site')} online`,
    paused: (study: string, round: number, rounds: number): string =>
      `${study} is paused at round ${round} of ${rounds}`,
    round: roundLine,
  },
  /** Each: what it is, and what to do about it. */
  findings: {
    halted: (study: string) =>
      [
        `${study} is halted`,
        'A site has seen a round published that this coordinator lacks: it was restored from a backup that is too old. Restore a newer one.',
      ] as const,
    stopped: (study: string, round: number) =>
      [
        `${study} has stopped in round ${round}`,
        'Ten attempts running ended with too few updates. Find out which sites are missing, then resume the study.',
      ] as const,
    ledgerBroken: (study: string) =>
      [
        `the ledger of ${study} does not verify`,
        'A published student does not follow from what the sites have signed. Do not use it before this is explained.',
      ] as const,
    leftOut: (site: string, rounds: number, study: string) =>
      [
        `${site} left out of ${rounds} rounds running`,
        `The students of ${study} learn nothing from it. Call the site: is its agent running, and can it reach this address?`,
      ] as const,
    failures: (study: string, round: number, failures: number) =>
      [
        `round ${round} of ${study} is in attempt ${failures + 1}`,
        'Too few sites delivered before. After ten attempts the study stops.',
      ] as const,
    waiting: (study: string, minSites: number) =>
      [
        `${study} waits for sites`,
        `A round opens when ${plural(minSites, 'site')} ${minSites === 1 ? 'is' : 'are'} online.`,
      ] as const,
    pending: (site: string) =>
      [`${site} waits for approval`, 'Have its fingerprint read to you by phone, then approve it.'] as const,
    unseen: (site: string, ms: number) =>
      [
        `${site} not seen for ${formatDuration(ms / 1000)}`,
        'Its agent is not connected. It takes no part until it is back.',
      ] as const,
  },
  phases: {
    waiting: 'Waiting for sites',
    collecting: 'Round open',
    closed: 'Publishing',
    finished: 'Finished',
    stopped: 'Stopped',
    cancelled: 'Cancelled',
    halted: 'Halted',
    paused: 'Paused',
  },
  standings: {
    invited: 'Invited',
    lapsed: 'Invitation lapsed',
    pending: 'To be approved',
    enrolled: 'Approved',
    revoked: 'Revoked',
    online: 'Online',
    offline: 'Offline',
    leftOut: 'Left out',
  },
  members: {
    idle: 'Not in this round',
    offered: 'Offered',
    fetching: 'Fetching',
    training: 'Training',
    uploading: 'Uploading',
    accepted: 'Accepted',
    declined: 'Declined',
    late: 'Late',
    missed: 'Missed',
  },
  metrics: {
    accuracy: 'Accuracy',
    balancedAccuracy: 'Balanced accuracy',
    macroF1: 'Macro F1',
    quadraticWeightedKappa: 'Quadratic weighted kappa',
  },
  withholding: {
    policy: 'its policy keeps them',
    'few-tiles': 'too few tiles',
    'no-tiles': 'no tiles of this part',
  } as Readonly<Record<string, string>>,
  /** Why a site has no part in a round, by code; others are shown as they are. */
  codes: {
    ERR_ROUND_DEADLINE: 'too late',
    ERR_SITE_REVOKED: 'revoked',
    ERR_POLICY_FORBIDS: 'its policy forbids it',
    ERR_TRAINING_DIVERGED: 'training diverged',
  } as Readonly<Record<string, string>>,
} as const
