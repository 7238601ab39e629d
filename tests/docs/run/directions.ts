/**
 * @file What hidden comments of a page say of how its commands are run here.
 *
 * A comment stands before the block (or, for `with`, anywhere) and holds a direction a line:
 *
 *   <!-- run: with colon, radboud -->                  what is in the folder before the first command
 *   <!-- run: hidden NEWLINE COMMANDS -->              commands that the reader is not shown: what somebody else does meanwhile
 *   <!-- run: skip: REASON -->                         the block is not run
 *   <!-- run: skip "TEXT": REASON -->                  nor are its commands that hold TEXT
 *   <!-- run: put "HERE" for "TEXT": REASON -->          commands have HERE in place of TEXT: a place of a reader's machine
 *   <!-- run: add "WORDS" to "TEXT": REASON -->        commands that hold TEXT get WORDS at their end: always to make them small
 *   <!-- run: background "TEXT" until "OUTPUT" -->     the command that holds TEXT goes on beside the next ones, once it has said OUTPUT
 *   <!-- run: insert into FILE after "TEXT" -->        the next block goes into a file, below its one line that holds TEXT
 *   <!-- run: output -->                               the next `text` block stands in what the block before has printed
 */

export type Direction =
  | { readonly do: 'with'; readonly fixtures: readonly string[] }
  | { readonly do: 'skip'; readonly text: string; readonly reason: string }
  | { readonly do: 'add'; readonly words: string; readonly text: string }
  | { readonly do: 'put'; readonly here: string; readonly text: string }
  | { readonly do: 'background'; readonly text: string; readonly until: string }
  | { readonly do: 'insert'; readonly file: string; readonly after: string }
  | { readonly do: 'output' }

/** @throws {Error} If it is none that is known, or has no reason where it needs one. */
export function readDirection(text: string): Direction {
  const [, fixtures] = /^with ([\w, -]+)$/.exec(text) ?? []
  if (fixtures !== undefined) return { do: 'with', fixtures: fixtures.split(',').map((name) => name.trim()) }
  const [, skip, reason] = /^skip(?: "([^"]+)")?: (.{10,})$/.exec(text) ?? []
  if (reason !== undefined) return { do: 'skip', text: skip ?? '', reason }
  const [, words, to] = /^add "([^"]+)" to "([^"]+)": .{10,}$/.exec(text) ?? []
  if (words !== undefined && to !== undefined) return { do: 'add', words, text: to }
  const [, here, place] = /^put "([^"]+)" for "([^"]+)": .{10,}$/.exec(text) ?? []
  if (here !== undefined && place !== undefined) return { do: 'put', here, text: place }
  const [, started, until] = /^background "([^"]+)" until "([^"]+)"$/.exec(text) ?? []
  if (started !== undefined && until !== undefined) return { do: 'background', text: started, until }
  const [, file, after] = /^insert into (\S+) after "([^"]+)"$/.exec(text) ?? []
  if (file !== undefined && after !== undefined) return { do: 'insert', file, after }
  if (text === 'output') return { do: 'output' }
  throw new Error(`direction must be one that is known, with its reason, got ${text}`)
}
