/** @file Text of one study's view. */
import type { StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import { formatDuration, plural } from '../../components/format.ts'
import type { Parts } from '../../coordinator/study-progress.ts'

const partsLine = ({ accepted, working, absent, offered }: Parts): string => {
  if (offered === 0) return 'no site is in it'
  const words = [`${accepted} of ${offered} delivered`]
  if (working > 0) words.push(`${working} at work`)
  if (absent > 0) words.push(`${absent} missing`)
  return words.join(', ')
}

export const studyViews = {
  study: {
    unknown: (study: string): string => `No study is called ${study}`,
    unknownNote: 'It may have been written another way.',
    subtitle: ({ method, strategy, network }: StudyRow): string => `${method}, ${strategy}, ${network}`,
    open: 'Open',
    openNamed: (study: string): string => `Open ${study}`,
    progress: (study: string): string => `Progress of ${study}`,
    roundOf: (round: number, rounds: number): string => `Round ${round} of ${rounds}`,
    thisRound: 'This round',
    parts: partsLine,
    timeLeft: 'Time left',
    leftBy: (leftS: number | null, deadlineS: number | null): string => {
      const left = leftS === null ? 'no estimate yet' : formatDuration(leftS)
      return deadlineS === null ? left : `${left} (waits ${formatDuration(deadlineS)} at most)`
    },
    opens: 'Next round',
    opensWhen: (minSites: number): string =>
      `when ${plural(minSites, 'site')} ${minSites === 1 ? 'is' : 'are'} online`,
    created: 'Created',
    received: 'Updates that count',
    loss: 'Loss of the last round',
    best: 'Best student',
    notJudged: 'none judged',
    bestOf: (round: number, metric: string, score: string): string =>
      `round ${round}, ${metric.toLowerCase()} ${score}`,
    tabs: 'Parts of the study',
    tabNames: {
      round: 'Round',
      results: 'Results',
      participation: 'Participation',
      ledger: 'Ledger',
      plan: 'Plan',
    },
    acts: { closeRound: 'Close the round…', pause: 'Pause…', resume: 'Resume…', cancel: 'Cancel study…' },
  },
  round: {
    title: (round: number): string => `Round ${round}`,
    attempt: (attempt: number): string => `Attempt ${attempt}: the one before ended with too few updates`,
    phases: {
      waiting: 'opens when enough sites are online',
      collecting: 'open',
      closed: 'its student is being made',
      finished: 'published, the last',
      stopped: 'stopped without a quorum',
      cancelled: 'cancelled',
      halted: 'halted',
    },
    over: 'No round is open',
    overNotes: {
      finished: (rounds: number): string => `All ${plural(rounds, 'round')} are done.`,
      cancelled: (rounds: number): string =>
        `The study was cancelled; ${plural(rounds, 'round')} stay published.`,
      halted: (rounds: number): string =>
        `The study is halted; ${plural(rounds, 'round')} are published here.`,
    },
    toStudent: 'Look at the student',
    stages: 'Sites at each stage',
    aggregated: 'Aggregated',
    progress: 'Training of this round',
    left: (left: string): string => `${left} left`,
    noEstimate: 'no estimate yet',
    accepted: 'Accepted',
    of: (part: number, all: number): string => `${part} of ${all}`,
    quorum: (quorum: number): string => `the round needs ${quorum}`,
    open: 'Open for',
    since: (time: string): string => `since ${time}`,
    notOpen: 'no round is open',
    deadline: 'Deadline in',
    movesOn: 'moves on while sites show progress',
    lastLoss: 'Loss',
    lastLossNote: 'mean of the last published round',
    sites: 'Sites in this round',
    sitesNote: 'Who is waited for comes first',
    noSites: 'No site has joined this study',
    noSitesNote: 'Sites that are approved join when their agents start.',
    columns: {
      site: 'Site',
      state: 'State',
      away: 'away',
      way: 'Progress',
      detail: 'Detail',
      left: 'Time left',
      loss: 'Loss',
      speed: 'Images/s',
      step: (step: number, steps: number): string => (steps === 0 ? 'begins' : `step ${step} of ${steps}`),
      fetched: (bytes: string): string => `${bytes} fetched`,
      uploaded: (bytes: string, total: string): string => `${bytes} of ${total}`,
      received: (bytes: string): string => `${bytes} received`,
      notBegun: 'has the offer',
      neverIn: 'has contributed to no round yet',
      lastIn: (round: number): string => `last in round ${round}`,
    },
  },
  participation: {
    sites: 'Sites',
    sitesNote: 'By their newest update that counts. Weight: share of the mean; norm: length of the update',
    rounds: 'Published rounds',
    every: (every: number): string => `Every ${every}th round of a long study, and the newest`,
    site: 'Site',
    missed: 'Missed in a row',
    lastRound: 'Last round',
    samples: 'Tiles',
    share: 'Weight',
    norm: 'Norm',
    loss: 'Loss',
    round: 'Round',
    closed: 'Closed',
    took: 'Took',
    contributors: 'Sites',
    of: (part: number, all: number): string => `${part} of ${all}`,
    attempts: 'Attempts',
    bytes: 'Received',
  },
  ledger: {
    verify: 'Does the ledger hold?',
    verifyNote: 'Each published student is computed again from the updates that sites have signed',
    button: 'Verify…',
    nothing: 'Nothing to verify yet',
    nothingNote: 'The ledger begins with the first published round.',
    never: 'Not verified since the coordinator started',
    neverNote: 'Verifying takes about as long as aggregating every round once more. It disturbs no round.',
    running: 'Verifying the ledger',
    runningNote: (round: number, rounds: number): string => `round ${round} of ${rounds}`,
    answers: {
      holds: 'The ledger holds.',
      broken: 'The ledger is broken.',
      failed: 'The verifier did not get through.',
    },
    head: 'Newest entry',
    headNote: 'To compare with what a site has kept',
    rounds: 'Published rounds',
    record: 'Record',
    student: 'Student',
    bytes: 'Updates that count',
    none: 'none yet',
  },
  plan: {
    title: 'Study',
    created: (time: string): string => `Created ${time}; signed, and the same at every site`,
    yes: 'yes',
    none: 'none',
    no: 'no',
  },
} as const
