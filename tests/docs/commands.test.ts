import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { addCoordinatorCommands } from '@tessera/coordinator/main'
import { addDemoCommand } from '@tessera/simulations/main'
import { addSimulateCommand } from '@tessera/simulations/simulate'
import { addSiteCommands } from '@tessera/site-agent/main'
import { addTeacherCommands } from '@tessera/site-agent/main-teacher'
import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { addBundleCommand } from '../../cli/bundle.ts'
import { addDoctorCommand } from '../../cli/doctor.ts'
import { addEngineCommands } from '../../cli/engine.ts'
import { addLedgerCommands } from '../../cli/ledger.ts'
import { addVerifyCommand } from '../../cli/verify.ts'
import { benchProgram } from '../../simulations/bench/program.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'docs/architecture.md',
  'docs/engine.md',
  'docs/protocol.md',
  'docs/rounds.md',
  'docs/fidelity.md',
  'docs/models.md',
  'docs/methods.md',
  'docs/export.md',
  'docs/experiments.md',
  'docs/security.md',
  'docs/operations.md',
  'docs/deploy.md',
  'docs/sizing.md',
  'deploy/runbook.md',
  'docs/site.md',
  'docs/data.md',
  'docs/slides.md',
  'tests/parity/README.md',
  'simulations/bench/README.md',
]

const program = new Command('tessera')
for (const add of [
  addCoordinatorCommands,
  addSiteCommands,
  addTeacherCommands,
  addDemoCommand,
  addSimulateCommand,
  addVerifyCommand,
  addEngineCommands,
  addDoctorCommand,
  addBundleCommand,
  addLedgerCommands,
])
  add(program)
const bench = benchProgram()

/** Every `tessera …` and `npm run …` line of a page's code blocks and inline code. */
function commandsOf(page: string): string[] {
  const text = readFileSync(`${root}${page}`, 'utf8')
  const blocks = [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].filter(([, kind]) => kind === 'sh')
  const inline = [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)]
  const code = [...blocks.map((m) => m[2] ?? ''), ...inline.map((m) => m[1] ?? '')]
  return code
    .flatMap((block) => block.split('\n'))
    .flatMap((line) => line.replace(/\s+#.*$/, '').split(' && '))
    .map((line) => line.trim())
    .filter((line) => /^(npx )?tessera \S|^npm (run|test)/.test(line))
}

/** What is wrong with a command line, or null: an unknown verb, script or option. */
function fault(line: string): string | null {
  const words = line.split(/\s+/)
  if (words[0] === 'npm') {
    const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
      scripts: Record<string, string>
    }
    const script = words[1] === 'test' ? 'test' : (words[2] ?? '')
    if (!(script in scripts)) return `no script ${script}`
    if (script === 'demo') return unknownOption(program, ['demo', ...words.slice(3)])
    return script === 'bench' ? unknownOption(bench, words.slice(words.indexOf('--') + 1)) : null
  }
  return unknownOption(program, words[0] === 'npx' ? words.slice(2) : words.slice(1))
}

function unknownOption(root: Command, words: readonly string[]): string | null {
  let command = root
  for (const word of words) {
    const child = command.commands.find((c) => c.name() === word)
    if (child === undefined) break
    command = child
  }
  // A verb with arguments of its own may have verbs below it as well.
  if (command.commands.length > 0 && command.registeredArguments.length === 0)
    return `no verb ${words.join(' ')}`
  const known = new Set(['--', '--help', ...command.options.flatMap((o) => [o.long, o.short])])
  const unknown = words.filter((word) => word.startsWith('-') && !known.has(word))
  return unknown.length > 0 ? `${command.name()} has no ${unknown.join(', ')}` : null
}

describe('commands in the docs', () => {
  test.each(PAGES)('%s names only verbs, scripts and options that exist', (page) => {
    expect(
      commandsOf(page)
        .map((line) => [line, fault(line)])
        .filter(([, wrong]) => wrong !== null),
    ).toEqual([])
  })
  test('the README has commands to check', () => {
    expect(commandsOf('README.md').length).toBeGreaterThan(8)
  })
  test.each([
    'npx tessera site fly',
    'npx tessera verify --loud x',
    'npm run nothing',
    'npm run bench -- fly',
  ])('%s would be found out', (line) => {
    expect(fault(line)).not.toBeNull()
  })
  test('every verb’s help fits one screen and ends in an example', () => {
    const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)]
    for (const command of [...all(program).slice(1), ...all(bench)]) {
      let help = ''
      command.configureOutput({ writeOut: (text) => void (help += text), getOutHelpWidth: () => 100 })
      command.outputHelp()
      expect(help.split('\n').length, command.name()).toBeLessThanOrEqual(40)
      if (command.commands.length === 0)
        expect(help, command.name()).toMatch(/Example[\s\S]*tessera|Example[\s\S]*npm run/)
    }
  })
})
