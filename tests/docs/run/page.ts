/** @file Reads a page's commands, with what its hidden comments say of them (directions.ts). */
import { type Direction, readDirection } from './directions.ts'

export interface Command {
  /** As the page has it. */
  readonly text: string
  /** Of the page. */
  readonly line: number
  readonly isSkipped: boolean
  /** As it is run here. */
  readonly runs: string
  /** Text in its output after which the next command may begin; null: it has to end first. */
  readonly readyAt: string | null
}

/** A block that the reader puts into a file. */
export interface Insertion {
  readonly file: string
  readonly after: string
  readonly code: string
}

export interface Step {
  /** Before the commands. */
  readonly insertion: Insertion | null
  readonly commands: readonly Command[]
  /** Lines that the commands must have printed, in their order. */
  readonly output: readonly string[]
}

export interface RunnablePage {
  readonly fixtures: readonly string[]
  readonly steps: readonly Step[]
  /** What is not run, and why. */
  readonly skipped: readonly { readonly line: number; readonly reason: string }[]
}

/** @throws {Error} If a direction is not understood, has no reason, or speaks of a command that is not there. */
export function readPage(markdown: string): RunnablePage {
  const fixtures: string[] = []
  const skipped: { line: number; reason: string }[] = []
  const steps: { insertion: Insertion | null; commands: Command[]; output: string[] }[] = []
  let directions: Direction[] = []
  const pieces = /<!-- run: ([\s\S]*?)-->|^```(\w*)\n([\s\S]*?)^```$/gm
  for (const { 0: piece, 1: comment, 2: kind, 3: code = '', index } of markdown.matchAll(pieces)) {
    const line = markdown.slice(0, index).split('\n').length
    const hidden = comment === undefined ? undefined : /^hidden\n([\s\S]*)$/.exec(comment)?.[1]
    if (comment !== undefined && hidden === undefined) {
      for (const text of comment.split('\n').filter((one) => one.trim() !== '')) {
        const direction = readDirection(text.replace(/^\s*run: /, '').trim())
        if (direction.do === 'with') fixtures.push(...direction.fixtures)
        else directions.push(direction)
      }
      continue
    }
    if (kind === 'text' && directions.some((direction) => direction.do === 'output')) {
      steps.at(-1)?.output.push(...code.split('\n').filter((text) => text.trim() !== ''))
    } else if (kind === 'sh' || hidden !== undefined) {
      const commands = splitCommands(hidden ?? code, line + 1)
      assertMeant(directions, commands, line)
      assertHarmless(commands, directions)
      for (const { text, reason } of directions.filter((direction) => direction.do === 'skip')) {
        for (const command of commands)
          if (command.text.includes(text)) skipped.push({ line: command.line, reason })
      }
      steps.push({
        insertion: null,
        commands: commands.map((command) => directed(command, directions)),
        output: [],
      })
    } else if (directions[0]?.do === 'insert') {
      steps.push({ insertion: { ...directions[0], code }, commands: [], output: [] })
    } else if (directions.length > 0)
      throw new Error(`line ${line}: ${piece.slice(0, 20)} must follow its directions`)
    directions = []
  }
  if (directions.length > 0) throw new Error('a direction must have a block after it')
  return { fixtures, steps, skipped }
}

/** Commands of a block: a line each, more where a line ends in a backslash or begins a here-document. */
function splitCommands(code: string, firstLine: number): { text: string; line: number }[] {
  const found: { text: string; line: number }[] = []
  let open: { text: string; line: number; until: RegExp } | null = null
  for (const [i, line] of code.split('\n').entries()) {
    if (open !== null) {
      open.text += `\n${line}`
      if (!open.until.test(line)) continue
    } else if (line.trim() === '' || line.trimStart().startsWith('#')) continue
    else {
      const [, mark] = /<<\s*'?(\w+)'?/.exec(line) ?? []
      open = {
        text: line,
        line: firstLine + i,
        until: mark === undefined ? /[^\\]$|^$/ : new RegExp(`^${mark}$`),
      }
      if (mark !== undefined || line.endsWith('\\')) continue
    }
    found.push({ text: open.text, line: open.line })
    open = null
  }
  if (open !== null) throw new Error(`line ${open.line}: a command must end within its block`)
  return found
}

function directed({ text, line }: { text: string; line: number }, directions: readonly Direction[]): Command {
  const mine = directions.filter((direction) => 'text' in direction && text.includes(direction.text))
  const added = mine.flatMap((direction) => (direction.do === 'add' ? [direction.words] : [])).join(' ')
  const put = mine.reduce(
    (put, direction) => (direction.do === 'put' ? put.replaceAll(direction.text, direction.here) : put),
    text,
  )
  const background = mine.find((direction) => direction.do === 'background')
  return {
    text,
    line,
    isSkipped: mine.some((direction) => direction.do === 'skip'),
    runs: withMore(put, added),
    readyAt: background?.until ?? null,
  }
}

/** A remark at the end of a line stays behind what is added. */
function withMore(text: string, added: string): string {
  if (added === '') return text
  const [, plain = '', remark = ''] = /^([\s\S]*?)(\s+#.*)?$/.exec(text) ?? []
  return `${plain} ${added}${remark}`
}

/** What would change the project that the folder is linked to. */
const HARMFUL =
  /\bnpm (ci|install|run (lock|build|format))|\btessera engine (install|remove)|\bapt-get\b|\bsudo\b/

function assertHarmless(
  commands: readonly { text: string; line: number }[],
  directions: readonly Direction[],
): void {
  for (const { text, line } of commands) {
    if (HARMFUL.test(text) && !directed({ text, line }, directions).isSkipped) {
      throw new Error(`line ${line}: a command that changes the project or the machine must be skipped`)
    }
  }
}

/** A direction that no command answers to is one that has gone out of date. */
function assertMeant(
  directions: readonly Direction[],
  commands: readonly { text: string }[],
  line: number,
): void {
  for (const direction of directions) {
    if (direction.do === 'output' || direction.do === 'insert')
      throw new Error(`line ${line}: a block of commands must have another direction than ${direction.do}`)
    if (direction.do === 'with') continue
    if (!commands.some(({ text }) => text.includes(direction.text))) {
      throw new Error(`line ${line}: the block must have ${direction.text}`)
    }
  }
}
