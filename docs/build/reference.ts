/** @file The pages of docs/reference, made from the source: what they say cannot go out of date. */
import { COUNT_METRICS } from '@tessera/shared/metrics'
import * as protocol from '@tessera/shared/protocol'
import type { z } from 'zod'
import { cliPage } from './cli-page.ts'
import type { Field } from './fields.ts'
import { prose, table } from './markdown.ts'
import { limitsTable, messagesPage } from './messages-page.ts'
import { policyPage } from './policy-page.ts'
import {
  ARMS,
  commentsIn,
  config,
  discriminator,
  EXPERIMENT_AS_STUDY,
  experiment,
  FAULTS,
  METHODS,
  readFields,
  SPLITS,
  STRATEGIES,
  TEACHERS,
} from './sources.ts'
import { FORM_LEGEND } from './type-words.ts'

const NOTICE =
  '<!-- Made from the source by `npm run build:docs`: change the comments there, not this page. -->'
const HEAD = ['field', 'takes', 'default', 'meaning']

function row({ path, takes, fallback, says }: Field): string[] {
  return [`\`${path}\``, takes, defaultText(fallback), prose(says)]
}

function defaultText(fallback: Field['fallback']): string {
  if (fallback === null) return '**needed**'
  if (fallback === 'absent') return 'may be left out'
  return fallback === 'that of its fields' ? fallback : `\`${fallback}\``
}

/** Legend of the names that a page's tables use. */
function legend(text: string): string {
  const used = Object.entries(FORM_LEGEND).filter(([name]) =>
    new RegExp(`(\\| |\`: |(of|or) )${name}( |$|,|<)`).test(text),
  )
  return used.length === 0 ? '' : `\n${used.map(([name, form]) => `*${name}*: ${form}.`).join(' ')}\n`
}

/** Every option's own fields; the literal that chooses it is in the heading column. */
function optionsTable(options: readonly z.ZodObject[]): string {
  const rows = options.flatMap((option) => {
    const own = discriminator(option)
    const fields = readFields(option).filter(({ path }) => own === '' || !['name', 'do'].includes(path))
    const name = own === '' ? 'network' : `\`${own}\``
    return fields.length === 0
      ? [[name, '', '', '', '']]
      : fields.map((field, i) => [i === 0 ? name : '', ...row(field)])
  })
  return table(['', ...HEAD], rows)
}

/** One line an option, with its fields in words. */
function choicesTable(key: string, options: readonly z.ZodObject[], path: string, name: string): string {
  const comments = commentsIn(path)
  const rows = options.map((option) => {
    const own = discriminator(option)
    const fields = readFields(option).filter(({ path }) => path !== key)
    const words = fields.map(({ path, takes, fallback }) => `\`${path}\`: ${takes}${inBrackets(fallback)}`)
    return [`\`${key}: ${own}\``, words.join('<br>'), prose(comments.get(`${name}.${own}`) ?? '')]
  })
  const head = table(['', 'fields', 'meaning'], [])
  return [head, ...rows.map((cells) => `| ${cells.join(' | ')} |`)].join('\n')
}

function inBrackets(fallback: Field['fallback']): string {
  return fallback === null ? '' : fallback === 'absent' ? ' (may be left out)' : ` (\`${fallback}\`)`
}

function studyPage(): string {
  return `# The study file

What \`tessera coordinator study create FILE\` reads: one JSON object. A field that is not here is an error that names it. Times are milliseconds.
How the rounds go is in [rounds.md](../rounds.md), what becomes of the deltas in [aggregation.md](../aggregation.md).

${table(HEAD, readFields(protocol.study, new Set(['teacher', 'method', 'federation.strategy'])).map(row))}

## method

What each minimises, and where its numbers come from: [methods.md](../methods.md).

${optionsTable(METHODS)}

## federation.strategy

Formulas: [aggregation.md](../aggregation.md).

${optionsTable(STRATEGIES)}

## teacher

Written by \`study create\` from the file of \`--teacher\`; a study file needs \`task\` and \`momentum\` only. Teachers from ONNX files: [export.md](../export.md#an-onnx-model-in-as-a-frozen-teacher).

${optionsTable(TEACHERS)}
`
}

function experimentPage(): string {
  const schema = 'simulations/experiment/schema.ts'
  return `# The experiment file

What \`tessera simulate FILE\` reads: YAML. A field that is not here is an error that names it. How to use it, and what comes out: [experiments.md](../experiments.md).

${table(HEAD, readFields(experiment, EXPERIMENT_AS_STUDY).map(row))}

## splits

\`sites\` may be a list: a federation for each. A site must have two classes to train on; one that is too small to have test tiles is tested on the others'.

${choicesTable('by', SPLITS, schema, 'split')}

## arms

${choicesTable('kind', ARMS, schema, 'arm')}

## scenarios[].faults

\`sites\` count from 0, \`rounds\` from 1.

${choicesTable('do', FAULTS, 'simulations/experiment/faults.ts', 'fault')}
`
}

function metricsPage(): string {
  const scores = commentsIn('shared/metrics/scores.ts')
  return `# Metrics of a study

What sites tell of their training and of their judging, and what is made of it. The numbers of a running coordinator are another matter.

## Of training

In every manifest (\`metrics\`), for people to look at: nothing is computed from them. Means over the tiles of one round. \`null\`: the method has no such part, or the site's policy withholds it.

${table(
  ['field', 'takes', 'meaning'],
  readFields(protocol.siteMetrics).map(({ path, takes, says }) => [`\`${path}\``, takes, prose(says)]),
)}

## Of judging

In a study with \`judging\` ([judging.md](../judging.md)) a site tells counts: for each class of its tiles, how many the student calls each class. \`tessera coordinator study metrics\` makes these
of the counts of each site and of all together; a score that says nothing of the counts is \`null\` in \`--json\`.

${table(
  ['score', 'meaning'],
  Object.keys(COUNT_METRICS).map((name) => [`\`${name}\``, scores.get(name) ?? '']),
)}

How sure a score is, and whether one is better than another: [judging.md](../judging.md#how-sure).
`
}

/** Text of each page by its name in docs/reference. */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  const pages: Record<string, string> = {
    'cli.md': await cliPage(),
    'coordinator-json.md': `# coordinator.json

Settings of a coordinator, in its folder. Written by \`tessera coordinator init\`, read at each start: change it by hand while the coordinator is stopped. A field that is not here is an error that names it.

${table(HEAD, readFields(config).map(row))}
`,
    'policy-yaml.md': policyPage(),
    'study.md': studyPage(),
    'experiment.md': experimentPage(),
    'messages.md': messagesPage(),
    'limits.md': `# Limits of the wire

What goes beyond one of these is refused, unread where it can be. The codes are in [errors.md](../errors.md).

${limitsTable()}
`,
    'metrics.md': metricsPage(),
  }
  return new Map(
    Object.entries(pages).map(([name, text]) => [
      name,
      `${NOTICE}\n\n${text}${name === 'cli.md' ? '' : legend(text)}`,
    ]),
  )
}
