/**
 * @file Reads the doc comments of a schema's source: `federation.minSites` → what stands above that field. Zod keeps no comments, and a second
 * text beside them would be a copy to keep.
 */

interface Frame {
  readonly bracket: '{' | '[' | '('
  /** Key whose value is being read. */
  key: string
  /** Which of several objects in a list this is, by the literal that tells them apart. */
  tag: string
  /** What stands above the object itself, when it is an entry of a list. */
  readonly above: string | null
}

/** Keys that tell the options of a choice apart. */
const DISCRIMINATORS: ReadonlySet<string> = new Set(['name', 'by', 'kind', 'do'])

const OPEN: Readonly<Record<string, string>> = { '{': '}', '[': ']', '(': ')' }

/** Comments by path: name of the constant or function, then the keys of the objects around the field, joined by dots. */
export function commentsOf(source: string): ReadonlyMap<string, string> {
  const comments = new Map<string, string>()
  for (const [, doc, name] of source.matchAll(
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:export )?(?:const|function) (\w+)/g,
  )) {
    comments.set(name as string, sentence(doc as string))
  }
  const starts = [...source.matchAll(/^(?:export )?const (\w+)[^=]*= /gm)]
  for (const { 1: name = '', index, 0: head } of starts) {
    for (const [path, text] of fieldComments(source.slice(index + head.length))) {
      comments.set(`${name}.${path}`, text)
    }
  }
  return comments
}

/** Of one constant's value, up to the end of its last bracket. */
function fieldComments(source: string): Map<string, string> {
  const found = new Map<string, string>()
  const frames: Frame[] = []
  let pending: string | null = null
  let above: string | null = null
  let atEntry = false
  // Comments, texts, regular expressions after `(`, words, single characters.
  const tokens =
    /\/\*[\s\S]*?\*\/|\/\/.*|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|(?<=\()\/(?:\\.|[^/\\\n])+\/|[\w$]+|\S/g
  for (const { 0: token, index } of source.matchAll(tokens)) {
    const frame = frames.at(-1)
    if (token.startsWith('/**')) {
      if (atEntry) pending = sentence(token.slice(3, -2))
      continue
    }
    if (token.startsWith('//') || token.startsWith('/*')) continue
    if (atEntry && frame?.bracket === '{' && /^['\w]/.test(token)) {
      // A key alone is its own value: `{ name }`.
      if (/^\s*[:,}]/.test(source.slice(index + token.length))) {
        frame.key = token.replaceAll("'", '')
        const literal = /^: z\.literal\('([^']+)'\)/.exec(source.slice(index + token.length))?.[1]
        if (literal !== undefined && DISCRIMINATORS.has(frame.key) && frames.some((f) => f.bracket === '[')) {
          frame.tag = literal
          if (frame.above !== null) found.set(literal, frame.above)
        }
        if (pending !== null) found.set(pathOf(frames), pending)
      }
    }
    if (frame?.bracket === '[' && pending !== null) above = pending
    if (token in OPEN) {
      frames.push({
        bracket: token as Frame['bracket'],
        key: '',
        tag: '',
        above: token === '{' ? above : null,
      })
      if (token === '{') above = null
    } else if (frame !== undefined && token === OPEN[frame.bracket]) frames.pop()
    atEntry = token === '{' || token === ',' || token === '['
    if (!atEntry || token === ',') pending = null
    if (frames.length === 0 && /[)\]}]/.test(token) && !source.slice(index + 1).match(/^\s*\./)) break
  }
  return found
}

function pathOf(frames: readonly Frame[]): string {
  return frames
    .flatMap(({ tag, key }) => [tag, key])
    .filter((part) => part !== '')
    .join('.')
}

/** A comment as one paragraph; links to other declarations become their names. */
function sentence(doc: string): string {
  return doc
    .replaceAll(/^\s*\*+ ?/gm, '')
    .replaceAll(/\{@link (?:import\('[^']*'\)\.)?([\w.]+)\}/g, '`$1`')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
