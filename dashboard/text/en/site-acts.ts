/** @file What the site's page says before and after each act. */
import { plural } from '../../components/format.ts'

export const siteActs = {
  pause: {
    button: 'Pause',
    title: 'Pause this site?',
    consequences: [
      'From the next frame on nothing of any study leaves, not even in the middle of an upload.',
      'The agent stays connected and may go on training. A restart does not end the pause.',
      'A round that closes meanwhile goes on without this site.',
    ],
    confirm: 'Pause',
    done: 'Paused.',
  },
  resume: {
    button: 'Resume',
    title: 'Resume this site?',
    consequences: ['What the policy allows may leave again, within a second.'],
    confirm: 'Resume',
    done: 'Resumed.',
  },
  leave: {
    button: 'Leave the study',
    title: (study: string): string => `Leave ${study}?`,
    consequences: [
      'The agent ends what it is at, tells the coordinator that the open round goes on without this site, and stops.',
      'Nothing of the study leaves any more. What it got from this site before stays in it.',
      'To take part again: tessera site rejoin, then start the agent.',
    ],
    confirm: 'Leave the study',
    label: (study: string): string => `Type ${study} to go on`,
    differs: (study: string): string => `This is not ${study}.`,
    done: (study: string): string => `Left ${study}. The agent ends.`,
  },
  approve: {
    button: 'See what would leave',
    title: (round: number): string => `Let the update of round ${round} leave?`,
    consequences: [
      'What is listed below leaves, and nothing else. The coordinator averages it with other sites’ updates.',
      'It cannot be taken back once it has left.',
    ],
    confirm: 'Approve this round',
    done: (round: number): string => `Round ${round} is approved.`,
    samples: 'Tiles trained on',
    bytes: 'Size of the update',
    encoding: 'Encoding',
    payload: 'SHA-256 that names it',
    policy: 'Policy',
    metrics: 'Told with it',
    withheld: 'withheld',
    tensors: (count: number): string => `${plural(count, 'tensor')}, changes only`,
    tensor: 'Tensor',
    kind: 'Kind',
    shape: 'Shape',
  },
  verify: {
    title: 'Read the whole audit log again?',
    consequences: [
      'Every line is held against the one before. This takes a processor for a moment; the agent goes on.',
    ],
    confirm: 'Read all again',
    done: 'The audit log is being read.',
  },
  check: { done: 'The tiles are being checked.' },
  sign: {
    title: 'Sign this policy?',
    consequences: [
      'It is written to policy.yaml and signed with this site’s key.',
      'The agent goes by it from its next round on, and each update names its SHA-256.',
    ],
    confirm: 'Sign',
    done: 'The policy is signed.',
  },
} as const
