/** @file Contender: a federation of ours. One step is one round of agents that train nothing; memory is the coordinator's. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { serve } from '../contest/serve.ts'
import { parseCases } from '../federation/cases.ts'
import { processorSeconds } from '../federation/processor-time.ts'
import { startFederation } from '../federation/run.ts'

const { values } = parseArgs({
  options: {
    case: { type: 'string', default: '' },
    dir: { type: 'string', default: '' },
    'sites-dir': { type: 'string', default: '' },
    hosts: { type: 'string', default: '3' },
    profile: { type: 'string' },
  },
})
const [one] = parseCases(values.case)
if (one === undefined) throw new Error('internal: a case must be given, got none')
const federation = await startFederation({
  ...one,
  dir: values.dir,
  sitesDir: values['sites-dir'],
  hosts: Number(values.hosts),
  profile: values.profile,
})
process.once('SIGTERM', () => {
  void federation.stop().finally(() => process.exit(143))
})
const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

await serve(
  { tessera: version, node: process.version },
  async (count) => {
    const spent = (): { server: number | null; sites: number | null } => ({
      server: processorSeconds([federation.coordinator]),
      sites: processorSeconds(federation.agents),
    })
    const before = spent()
    const rounds = await federation.rounds(count)
    const after = spent()
    return {
      processor: difference(after, before),
      seconds: rounds.map(({ seconds }) => seconds),
      losses: [],
      parts: {
        upload: rounds.map(({ upload }) => upload),
        publish: rounds.map(({ publish }) => publish),
        handOut: rounds.map(({ handOut }) => handOut),
      },
    }
  },
  federation.coordinator,
)
await federation.stop()
process.exit()

/** Without what could not be counted. */
function difference(
  after: Readonly<Record<string, number | null>>,
  before: Readonly<Record<string, number | null>>,
): Record<string, number> {
  const counted = Object.entries(after).flatMap(([name, end]) => {
    const begin = before[name] ?? null
    return end === null || begin === null ? [] : [[name, end - begin] as const]
  })
  return Object.fromEntries(counted)
}
