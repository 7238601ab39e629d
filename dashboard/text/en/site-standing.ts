/** @file Text of how the site is: its agent, its connection, the first line. */
import type { AgentState } from '@tessera/shared/dashboard/site-view'
import { formatBytes, plural } from '../../components/format.ts'

export const siteStanding = {
  /** How the agent is, in a word and in a line. */
  agent: {
    starting: 'Starting',
    idle: 'Between rounds',
    fetching: 'Fetching a model',
    training: 'Training',
    waiting: 'Waiting',
    uploading: 'Sending an update',
    declined: 'Not in this round',
    finished: 'Study finished',
    cancelled: 'Study cancelled',
    left: 'Study left',
    paused: 'Paused',
  } satisfies Readonly<Record<AgentState | 'paused', string>>,
  reasons: {
    ERR_POLICY_PAUSED: 'The site is paused: nothing of the study leaves until you resume.',
    ERR_POLICY_HOURS: 'Outside the hours of the policy. It goes on by itself.',
    ERR_POLICY_APPROVAL: 'A trained update waits for your approval.',
    ERR_POLICY_LIMIT: 'A limit of the policy is reached. The round goes on without this site.',
    ERR_POLICY_LEFT: 'This site has left the study.',
    ERR_ROUND_CLOSED: 'The round ended before this site was done.',
    ERR_TRAINING_DIVERGED: 'Training diverged.',
  } as Readonly<Record<string, string | undefined>>,
  connection: {
    title: 'Connection to the coordinator',
    connecting: 'Connecting',
    joined: 'Connected',
    lost: 'Not connected',
    note: 'The agent only ever connects outwards, to this one address.',
    address: 'Address',
    fingerprint: 'Fingerprint of its key',
    since: 'Since',
    reason: 'Why',
  },
  verdict: {
    broken: 'The audit log was changed',
    unreadablePolicy: 'The policy cannot be read',
    badData: 'Training would refuse the tiles',
    approve: (round: number): string => `Round ${round} waits for your approval`,
    paused: 'Paused: nothing of the study leaves',
    unsigned: 'The policy was changed and is not signed',
    lost: (ago: string): string => `The coordinator has not been reached since ${ago}`,
    declined: 'This site has no part in the round',
    well: (what: string): string => `All well: ${what}`,
    training: (round: number, rounds: number, left: string | null): string =>
      `training round ${round} of ${rounds}${left === null ? '' : `, ${left} left`}`,
    note: (bytes: number, lines: number): string =>
      `${formatBytes(bytes)} of updates left today. ${plural(lines, 'frame')} in the audit log.`,
  },
} as const
