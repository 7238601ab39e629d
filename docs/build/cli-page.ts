/** @file The page of the command line: what each verb's `--help` prints. */
import { Command } from 'commander'
import { GROUPS } from '../../cli/groups.ts'
import { table } from './markdown.ts'

/** Columns of a terminal that nobody has to widen. */
const WIDTH = 80

/** The whole program, all of its groups loaded. */
export async function wholeProgram(): Promise<Command> {
  const program = new Command('tessera')
  for (const { load } of GROUPS) await load(program)
  return program
}

export async function cliPage(): Promise<string> {
  const program = await wholeProgram()
  return `# The command line

\`npx tessera VERB --help\` prints the same. Exit codes are in [errors.md](../errors.md); results go to standard output, everything else to standard error.

${table(
  ['group', 'for'],
  GROUPS.map(({ name, summary }) => [`[\`tessera ${name}\`](#tessera-${name})`, summary]),
)}

${program.commands.map((command) => section(command, 2)).join('\n\n')}
`
}

function section(command: Command, rank: number): string {
  const below = command.commands.map((child) => section(child, Math.min(rank + 1, 4)))
  return [`${'#'.repeat(rank)} ${pathOf(command)}`, `\`\`\`text\n${helpOf(command)}\n\`\`\``, ...below].join(
    '\n\n',
  )
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}

/** As a terminal of {@link WIDTH} columns shows it. */
export function helpOf(command: Command): string {
  let help = ''
  command.configureOutput({ writeOut: (text) => void (help += text), getOutHelpWidth: () => WIDTH })
  command.outputHelp()
  return help.trimEnd()
}
