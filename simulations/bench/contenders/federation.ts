/** @file Contender: a federation of ours. One step is one round of agents that train nothing; memory is the coordinator's. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { serve } from '../contest/serve.ts'
import { parseCases } from '../federation/cases.ts'
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
    const rounds = await federation.rounds(count)
    return {
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
