/**
 * @file Live progress of a run: one line a stage, redrawn in place on a terminal; elsewhere a plain line now and then. The time left is
 * estimated from the work done so far and the work that is left, each stage's in tiles seen.
 */
import type { Clock } from './clock.ts'

export interface Screen {
  write(text: string): void
  /** Of a terminal; null when lines cannot be redrawn. */
  readonly columns: number | null
}

/** The terminal that this process writes its errors to. */
export function stderrScreen(): Screen {
  return {
    write: (text) => void process.stderr.write(text),
    columns: process.stderr.isTTY ? process.stderr.columns : null,
  }
}

export interface StageView {
  readonly name: string
  readonly title: string
  /** Estimated work, in any unit that is the same for all stages. */
  readonly work: number
}

export interface StageReport {
  /** 0 to 1. */
  readonly done: number
  /** Round, sites, loss: what there is to say now. */
  readonly text: string
}

export interface Progress {
  start(name: string): void
  report(name: string, report: StageReport): void
  /** @param kept True when it was finished by an earlier run. */
  finish(name: string, seconds: number, kept: boolean): void
  /** Says something that stays, above the stages. */
  note(text: string): void
  /** Draws for the last time. */
  close(): void
}

const REDRAW_MS = 250
const PLAIN_MS = 5000
const BAR = 20
const TITLE = 24
/** Narrower than this, bars would leave no room for words. */
const MIN_COLUMNS = 60
const MAX_COLUMNS = 100

/** More stages than this do not fit a screen: only those that run are shown. */
const MOST_LINES = 24

/** Share of the work that must be done before the time left is estimated. */
const MIN_WORKED = 0.05

interface Stage extends StageView {
  state: 'waiting' | 'running' | 'done' | 'kept'
  done: number
  text: string
  seconds: number
  startedMs: number
}

export function createProgress(views: readonly StageView[], screen: Screen, clock: Clock): Progress {
  const stages = new Map<string, Stage>(
    views.map((view) => [
      view.name,
      { ...view, state: 'waiting', done: 0, text: '', seconds: 0, startedMs: 0 },
    ]),
  )
  const startedMs = clock.now()
  let drawnLines = 0
  let closed = false
  let cancel: () => void = () => undefined

  const summary = (): string => summaryLine([...stages.values()], (clock.now() - startedMs) / 1000)
  const redraw = (): void => {
    if (screen.columns === null) return
    const width = Math.max(MIN_COLUMNS, Math.min(MAX_COLUMNS, screen.columns)) - 1
    const all = [...stages.values()]
    const shown = all.length <= MOST_LINES ? all : all.filter(({ state }) => state === 'running')
    const lines = [...shown.map((stage) => stageLine(stage, clock.now())), summary()]
    // Fewer lines than before: what stands below is cleared.
    const clear = lines.length < drawnLines ? '\u001B[J' : ''
    const up = drawnLines > 0 ? `\u001B[${drawnLines}A${clear}` : ''
    screen.write(`${up}${lines.map((line) => `\u001B[2K${line.slice(0, width)}\n`).join('')}`)
    drawnLines = lines.length
  }
  const plain = (): void => {
    const running = [...stages.values()].filter((stage) => stage.state === 'running')
    const parts = running.map(
      (stage) => `${stage.title} ${percent(stage.done)}${stage.text === '' ? '' : ` (${stage.text})`}`,
    )
    screen.write(`${summary()}${parts.length > 0 ? ` | ${parts.join(' | ')}` : ''}\n`)
  }
  const tick = (): void => {
    if (closed) return
    if (screen.columns === null) plain()
    else redraw()
    cancel = clock.schedule(tick, screen.columns === null ? PLAIN_MS : REDRAW_MS)
  }
  redraw()
  cancel = clock.schedule(tick, screen.columns === null ? PLAIN_MS : REDRAW_MS)

  const change = (name: string, fields: Partial<Stage>): Stage | undefined => {
    const stage = stages.get(name)
    return stage === undefined ? undefined : Object.assign(stage, fields)
  }
  return {
    start: (name) => void change(name, { state: 'running', startedMs: clock.now() }),
    report: (name, { done, text }) => void change(name, { done, text }),
    finish(name, seconds, kept) {
      const stage = change(name, { state: kept ? 'kept' : 'done', done: 1, text: '', seconds })
      if (screen.columns === null && stage !== undefined)
        screen.write(`${stageLine(stage, clock.now()).trim()}\n`)
    },
    note(text) {
      // Whole, also where it is wider than the terminal: it may be an address.
      screen.write(`${drawnLines > 0 ? `\u001B[${drawnLines}A\u001B[J` : ''}${text}\n`)
      drawnLines = 0
      redraw()
    },
    close() {
      closed = true
      cancel()
      redraw()
    },
  }
}

function stageLine({ title, state, done, seconds, startedMs, text }: Stage, nowMs: number): string {
  const name = title.padEnd(TITLE)
  if (state === 'waiting') return `  · ${name}`
  if (state === 'running') {
    const filled = Math.round(BAR * Math.min(1, done))
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)}`
    return `  ▸ ${name} ${bar} ${percent(done).padStart(5)} ${duration((nowMs - startedMs) / 1000).padStart(6)}  ${text}`
  }
  return `  ✓ ${name} ${duration(seconds).padStart(BAR + 13)}${state === 'kept' ? '  (from the run before)' : ''}`
}

function summaryLine(stages: readonly Stage[], elapsed: number): string {
  const fresh = stages.filter((stage) => stage.state !== 'kept')
  const worked = fresh.reduce((sum, stage) => sum + stage.work * stage.done, 0)
  const left = fresh.reduce((sum, stage) => sum + stage.work * (1 - stage.done), 0)
  const finished = stages.filter((stage) => stage.state === 'done' || stage.state === 'kept').length
  // At first processes start and the engine compiles: a rate measured then would promise an hour.
  const telling = worked >= MIN_WORKED * (worked + left) && left > 0
  const estimate = telling ? `, about ${duration((left * elapsed) / worked)} left` : ''
  return `  ${duration(elapsed)} elapsed${estimate}, ${finished} of ${stages.length} stages done`
}

const percent = (share: number): string => `${Math.round(100 * Math.min(1, share))} %`

/** `5 s`, `1:05`, `1:02:05`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const two = (n: number): string => String(n).padStart(2, '0')
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`
}
