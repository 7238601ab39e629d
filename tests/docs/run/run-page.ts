/** @file Runs the commands of a page in a folder of their own, and compares what they print with what the page shows. */
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCheckout } from './checkout.ts'
import { FIXTURES, type Fixture } from './fixtures.ts'
import { freePort } from './free-port.ts'
import type { Command, Insertion, RunnablePage } from './page.ts'
import { type Ended, Shell } from './shell.ts'

/** Characters of a failed command's output that are shown. */
const SHOWN = 3000

/** The page whose commands npx itself runs: for the others something shorter stands in. */
const NPX_PAGE = 'README.md'

/** @throws {Error} Naming the page's line, when a command fails or prints something else. */
export async function runPage(name: string, { fixtures, steps }: RunnablePage): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'tessera-docs-'))
  const [folder, logs] = [join(root, 'checkout'), join(root, 'logs')]
  await mkdir(logs)
  const shell = new Shell(folder, logs, await makeCheckout(folder, root, name === NPX_PAGE))
  try {
    for (const fixture of fixtures) await fixtureOf(fixture)(folder)
    const port = await freePort()
    for (const { insertion, commands, output } of steps) {
      if (insertion !== null) await insert(folder, insertion)
      let printed = ''
      for (const command of commands.filter(({ isSkipped }) => !isSkipped)) {
        const ended = await runCommand(shell, command, port).catch((cause: unknown) => {
          throw new Error(`${name}:${command.line}: ${command.text}\n${String(cause)}`, { cause })
        })
        printed += ended.output
        if (ended.code === 0) continue
        const tail = ended.output.slice(-SHOWN)
        throw new Error(`${name}:${command.line}: ${command.text}\nended with ${ended.code}\n${tail}`)
      }
      const missing = missingLine(output, printed)
      if (missing !== null)
        throw new Error(`${name} shows a line that is not printed: ${missing}\n${printed.slice(-SHOWN)}`)
    }
  } finally {
    await shell.close()
    await rm(root, { recursive: true, force: true })
  }
}

/** @throws {Error} If not exactly one line of the file holds the text, or the file is the project's own and not a copy. */
async function insert(folder: string, { file, after, code }: Insertion): Promise<void> {
  const isCopy = (await realpath(join(folder, file))).startsWith(await realpath(folder))
  if (!isCopy) throw new Error(`${file} must be a copy (run: with copy), got a link to the project`)
  const lines = (await readFile(join(folder, file), 'utf8')).split('\n')
  const found = lines.filter((line) => line.includes(after))
  if (found.length !== 1) throw new Error(`${file} must have one line with ${after}, got ${found.length}`)
  lines.splice(lines.findIndex((line) => line.includes(after)) + 1, 0, code.trimEnd())
  await writeFile(join(folder, file), lines.join('\n'))
}

async function runCommand(shell: Shell, command: Command, port: number): Promise<Ended> {
  const text = withPort(command.runs, port)
  return command.readyAt === null
    ? shell.run(text)
    : { code: 0, output: await shell.start(text, command.readyAt) }
}

/** Pages use the default port. Here it may be taken, so that each page has one of its own. */
function withPort(text: string, port: number): string {
  return text.replaceAll(/tessera coordinator init(?!.* --port)/g, `tessera coordinator init --port ${port}`)
}

/** The first line of `shown` that does not follow in `printed`: numbers may be others, `…` is anything. Null: all are there. */
export function missingLine(shown: readonly string[], printed: string): string | null {
  let rest = printed
  for (const line of shown) {
    const pattern = line
      .trim()
      .split(/(…|\d[\d.,:]*|\s+)/)
      .map((part) => {
        if (part === '…') return '.*?'
        if (/^\d/.test(part)) return '\\d[\\d.,:]*'
        return /^\s+$/.test(part) ? '\\s+' : part.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')
      })
      .join('')
    const found = new RegExp(pattern).exec(rest)
    if (found === null) return line
    rest = rest.slice(found.index + found[0].length)
  }
  return null
}

function fixtureOf(name: string): Fixture {
  const fixture = FIXTURES[name]
  if (fixture === undefined)
    throw new Error(`fixture must be one of ${Object.keys(FIXTURES).join(', ')}, got ${name}`)
  return fixture
}
