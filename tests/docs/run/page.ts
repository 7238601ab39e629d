/**
 * @file Reads a page's commands, and what hidden comments say of how they are run here.
 *
 * A comment stands before the block (or, for `with`, anywhere) and holds a direction a line:
 *
 *   <!-- run: with colon, radboud -->                  what is in the folder before the first command
 *   <!-- run: hidden NEWLINE COMMANDS -->              commands that the reader is not shown: what somebody else does meanwhile
 *   <!-- run: skip: REASON -->                         the block is not run
 *   <!-- run: skip "TEXT": REASON -->                  nor are its commands that hold TEXT
 *   <!-- run: add "WORDS" to "TEXT": REASON -->        commands that hold TEXT get WORDS at their end: always to make them small
 *   <!-- run: background "TEXT" until "OUTPUT" -->     the command that holds TEXT goes on beside the next ones, once it has said OUTPUT
 *   <!-- run: stop "TEXT" -->                          before the block, what runs since the command that holds TEXT is asked to end
 *   <!-- run: exit 65 "TEXT" -->                       the command that holds TEXT ends with this code
 *   <!-- run: insert into FILE after "TEXT" -->         the next block goes into a file, below its one line that holds TEXT
 *   <!-- run: output -->                               the next `text` block stands in what the block before has printed
 */

export interface Command {
  /** As the page has it. */
  readonly text: string
  /** Of the page. */
  readonly line: number
  readonly isSkipped: boolean
  /** What is put at its end. */
  readonly added: string
  /** Text in its output after which the next command may begin; null: it has to end first. */
  readonly readyAt: string | null
  readonly exitCode: number
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
  readonly stops: readonly string[]
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

type Direction =
  | { readonly do: 'with'; readonly fixtures: readonly string[] }
  | { readonly do: 'skip'; readonly text: string; readonly reason: string }
  | { readonly do: 'add'; readonly words: string; readonly text: string }
  | { readonly do: 'background'; readonly text: string; readonly until: string }
  | { readonly do: 'stop'; readonly text: string }
  | { readonly do: 'exit'; readonly code: number; readonly text: string }
  | { readonly do: 'insert'; readonly file: string; readonly after: string }
  | { readonly do: 'output' }

/** @throws {Error} If a direction is not understood, has no reason, or speaks of a command that is not there. */
export function readPage(markdown: string): RunnablePage {
  const fixtures: string[] = []
  const skipped: { line: number; reason: string }[] = []
  const steps: { insertion: Insertion | null; stops: string[]; commands: Command[]; output: string[] }[] = []
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
        stops: directions.flatMap((direction) => (direction.do === 'stop' ? [direction.text] : [])),
        commands: commands.map((command) => directed(command, directions)),
        output: [],
      })
    } else if (directions[0]?.do === 'insert') {
      steps.push({ insertion: { ...directions[0], code }, stops: [], commands: [], output: [] })
    } else if (directions.length > 0)
      throw new Error(`line ${line}: ${piece.slice(0, 20)} must follow its directions`)
    directions = []
  }
  if (directions.length > 0) throw new Error('a direction must have a block after it')
  return { fixtures, steps, skipped }
}

function readDirection(text: string): Direction {
  const [, fixtures] = /^with ([\w, -]+)$/.exec(text) ?? []
  if (fixtures !== undefined) return { do: 'with', fixtures: fixtures.split(',').map((name) => name.trim()) }
  const [, skip, reason] = /^skip(?: "([^"]+)")?: (.{10,})$/.exec(text) ?? []
  if (reason !== undefined) return { do: 'skip', text: skip ?? '', reason }
  const [, words, to] = /^add "([^"]+)" to "([^"]+)": .{10,}$/.exec(text) ?? []
  if (words !== undefined && to !== undefined) return { do: 'add', words, text: to }
  const [, started, until] = /^background "([^"]+)" until "([^"]+)"$/.exec(text) ?? []
  if (started !== undefined && until !== undefined) return { do: 'background', text: started, until }
  const [, stopped] = /^stop "([^"]+)"$/.exec(text) ?? []
  if (stopped !== undefined) return { do: 'stop', text: stopped }
  const [, code, failing] = /^exit (\d+) "([^"]+)"$/.exec(text) ?? []
  if (failing !== undefined) return { do: 'exit', code: Number(code), text: failing }
  const [, file, after] = /^insert into (\S+) after "([^"]+)"$/.exec(text) ?? []
  if (file !== undefined && after !== undefined) return { do: 'insert', file, after }
  if (text === 'output') return { do: 'output' }
  throw new Error(`direction must be one that is known, with its reason, got ${text}`)
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
  const added = mine.flatMap((direction) => (direction.do === 'add' ? [direction.words] : []))
  const background = mine.find((direction) => direction.do === 'background')
  return {
    text,
    line,
    isSkipped: mine.some((direction) => direction.do === 'skip'),
    added: added.join(' '),
    readyAt: background?.until ?? null,
    exitCode: mine.find((direction) => direction.do === 'exit')?.code ?? 0,
  }
}

/** What would change the project that the folder is linked to. */
const HARMFUL = /\bnpm (ci|install|run (lock|build|format))|\btessera engine remove|\bapt-get\b|\bsudo\b/

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
    if (direction.do === 'with' || direction.do === 'stop') continue
    if (!commands.some(({ text }) => text.includes(direction.text))) {
      throw new Error(`line ${line}: the block must have ${direction.text}`)
    }
  }
}
