/** @file What is said before and after each act. */

export const acts = {
  study: {
    pause: {
      title: (study: string): string => `Pause ${study}?`,
      consequences: [
        'The open round may end; no other opens until you resume the study.',
        'Sites stay connected.',
      ],
      confirm: 'Pause',
      done: (study: string): string => `${study} is paused.`,
      danger: false,
    },
    resume: {
      title: (study: string): string => `Resume ${study}?`,
      consequences: ['Rounds open again as soon as enough sites are online.'],
      confirm: 'Resume',
      done: (study: string): string => `${study} goes on.`,
      danger: false,
    },
    cancel: {
      title: (study: string): string => `Cancel ${study} for good?`,
      consequences: [
        'The open round is thrown away, and none opens again. This cannot be taken back.',
        'What is published stays and can be exported. Agents of this study end.',
      ],
      confirm: 'Cancel the study',
      done: (study: string): string => `${study} is cancelled.`,
      danger: true,
    },
    'close-round': {
      title: (study: string): string => `Close the open round of ${study}?`,
      consequences: [
        'The round ends now with the updates that are there. Sites still at work are left out of it.',
        'An update that is on its way counts only if the study allows late ones.',
      ],
      confirm: 'Close the round',
      done: (study: string): string => `The round of ${study} is closed.`,
      danger: false,
    },
    verify: {
      title: (study: string): string => `Verify the ledger of ${study}?`,
      consequences: [
        'Each published student is computed again from what the sites have signed.',
        'This takes a processor for a while. Rounds go on meanwhile.',
      ],
      confirm: 'Verify',
      done: (study: string): string => `The ledger of ${study} is being verified.`,
      danger: false,
    },
  },
  approve: {
    title: (site: string): string => `Approve ${site}?`,
    consequences: (site: string): readonly string[] => [
      `Call ${site} on a number that you know, and have the fingerprint of its key read to you.`,
      'It may then take part in every study from its next connection on.',
    ],
    label: 'Fingerprint, as heard by phone',
    heard: 'AS HEARD BY PHONE',
    hint: 'Eight groups of four characters. Blanks and capitals do not matter.',
    differs: (site: string): string =>
      `This is not the fingerprint of the key that enrolled as ${site}. If you heard it right, somebody else has used the kit: revoke the site.`,
    confirm: 'Approve',
    done: (site: string): string => `${site} is approved.`,
  },
  revoke: {
    title: (site: string): string => `Revoke ${site}?`,
    consequences: [
      'Its sessions end within seconds, and its kits are void.',
      'Its update to the open round does not count; what was published stays.',
      'To come back it needs a new kit and a new approval.',
    ],
    confirm: 'Revoke the site',
    done: (site: string): string => `${site} is revoked.`,
  },
  withdraw: {
    title: (site: string): string => `Take the kit of ${site} back?`,
    consequences: ['The kit is void if nobody has used it. The site itself stays as it is.'],
    confirm: 'Take it back',
    done: (site: string): string => `The kit of ${site} is void.`,
  },
  invite: {
    titleNew: 'Invite a site?',
    title: (site: string): string => `Write a new kit for ${site}?`,
    consequences: [
      'You get a file with a secret that works once. Hand it over on a way that you trust.',
      'The coordinator keeps no copy that could be shown again. An older kit for the same site is void from now on.',
    ],
    placeholder: 'SITE',
    label: 'Name of the site',
    hint: '1 to 63 of a–z, 0–9, - and _; the first a letter or a digit.',
    days: 'Days that it can be used',
    daysFault: (most: number): string => `must be a whole number from 1 to ${most}`,
    autoApprove: 'Without approval: in as soon as the kit is used',
    autoApproveWarning:
      'Nobody compares a fingerprint then: whoever gets hold of the file takes part as this site. For tests, or a way of handing over that is trusted enough.',
    confirm: 'Write the kit',
    done: (site: string): string => `The kit for ${site} is in your downloads.`,
  },
  typed: {
    label: (name: string): string => `Type ${name} to go on`,
    differs: (name: string): string => `This is not ${name}.`,
  },
} as const
