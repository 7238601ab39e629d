/** @file The agent's work as one line of a terminal, rewritten in place. */
import { printable } from '@tessera/shared/printable'
import { readableBytes, readableSeconds } from '@tessera/shared/readable'
import { bar } from '@tessera/shared/work-line'
import type { AgentEvent } from '../session/events.ts'

/** The line below everything else, or a note that stays above it. */
type Text = { readonly line: string } | { readonly note: string }

/** One entry an event: the type makes a missing one an error. */
const TEXTS: { [K in AgentEvent['kind']]: (event: Extract<AgentEvent, { kind: K }>) => Text } = {
  joined: ({ study, site, rounds }) => ({ note: `joined study ${study} as ${site}: ${rounds} rounds` }),
  policy: ({ sha256 }) => ({ note: `policy ${sha256.slice(0, 12)} is in force` }),
  // The log says it, once a reason.
  unreached: ({ reason }) => ({ line: `waiting: ${reason}` }),
  trained: ({ round, bytes }) => ({ line: `round ${round} is trained: ${readableBytes(bytes)} to send` }),
  data({ report }) {
    const skipped = Object.values(report.skipped).reduce((sum, count) => sum + count, 0)
    return { note: `${report.tiles} tiles, ${skipped} skipped` }
  },
  fetching: ({ bytes, totalBytes }) => ({
    line: `fetching model ${bar(bytes / totalBytes)} of ${readableBytes(totalBytes)}`,
  }),
  training({ round, rounds, step, steps, loss, secondsLeft }) {
    const left = readableSeconds(secondsLeft)
    return { line: `round ${round} of ${rounds} ${bar(step / steps)} loss ${loss.toFixed(3)}, ${left} left` }
  },
  uploading: ({ round, bytes, totalBytes }) => ({
    line: `round ${round}: sending ${bar(bytes / totalBytes)} of ${readableBytes(totalBytes)}`,
  }),
  delivered({ round, samples, metrics, bytes }) {
    const [time, size] = [readableSeconds(metrics.seconds), readableBytes(bytes)]
    const loss = metrics.loss === null ? 'loss withheld' : `loss ${metrics.loss.toFixed(3)}`
    return { note: `round ${round} delivered: ${samples} tiles, ${loss}, ${time}, ${size} sent` }
  },
  judged: ({ round, tiles }) => ({
    note:
      tiles === 0
        ? `student of round ${round}: no counts are told`
        : `student of round ${round} judged on ${tiles} tiles`,
  }),
  waiting: ({ round, reason }) => ({ note: `round ${round} waits: ${reason}` }),
  cancelled: () => ({ note: 'the operator has cancelled the study' }),
  left: () => ({ note: 'this site has left the study' }),
  declined: ({ round, code }) => ({ note: `round ${round} goes on without this site: ${code}` }),
  published({ round, sites, final }) {
    const end = final ? '. The study is finished' : ''
    return { note: `round ${round} published, from ${sites} ${sites === 1 ? 'site' : 'sites'}${end}` }
  },
}

/** What a terminal says of an event. */
export function progressText(event: AgentEvent): Text {
  // The entry is picked by `kind`; the compiler cannot follow that.
  return (TEXTS[event.kind] as (event: AgentEvent) => Text)(event)
}

/** Writes to a terminal: notes stay, the line below them is rewritten. */
export interface Lines {
  /** The line below everything else. */
  readonly line: (text: string) => void
  /** A line that stays, above it. */
  readonly note: (text: string) => void
  /** A line that stays, in its place. */
  readonly end: (text: string) => void
  /** Leaves the terminal clean. */
  readonly close: () => void
}

/** Builds lines on a terminal's `write`. */
export function createLines(write: (text: string) => void): Lines {
  let line = ''
  const clear = '\r\u001b[K'
  const note = (text: string): void => write(`${clear}${printable(text)}\n${line}`)
  return {
    line(text) {
      line = printable(text)
      write(`${clear}${line}`)
    },
    note,
    end(text) {
      line = ''
      note(text)
    },
    close: () => write(clear),
  }
}

/** The agent's work on a terminal. */
export interface Screen extends Pick<Lines, 'note' | 'close'> {
  readonly show: (event: AgentEvent) => void
}

/** Builds a screen on a terminal's `write`. */
export function createScreen(write: (text: string) => void): Screen {
  const { line, note, end, close } = createLines(write)
  return {
    note,
    show(event) {
      const text = progressText(event)
      if ('line' in text) line(text.line)
      else end(text.note)
    },
    close,
  }
}
