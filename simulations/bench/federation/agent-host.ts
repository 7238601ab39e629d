/** @file Process: the agents of some sites, enrolled and then run with a trainer that trains nothing, until standard input ends. */
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { systemClock } from '@tessera/shared/clock'
import { growHeapFreely } from '@tessera/shared/heap'
import { silentLog } from '@tessera/shared/log'
import { enroll, runAgent } from '@tessera/site-agent'
import { type HostMessage, STAGES, type Stage, trainMessage } from './messages.ts'
import { createHold, noOpTrainer } from './no-op-trainer.ts'

// As the program does.
growHeapFreely()
const { values } = parseArgs({
  options: {
    study: { type: 'string', default: '' },
    /** Folder of the sites. */
    sites: { type: 'string', default: '' },
    kits: { type: 'string', default: '' },
    data: { type: 'string', default: '' },
    /** Sites `from` to `to` - 1. */
    from: { type: 'string', default: '0' },
    to: { type: 'string', default: '0' },
  },
})
/** Enrolments at once: each waits for the coordinator's disk most of the time. */
const ENROLLING = 8

const say = (message: HostMessage): void => {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}
const indices = Array.from(
  { length: Number(values.to) - Number(values.from) },
  (_, i) => Number(values.from) + i,
)
const dirOf = (index: number): string => join(values.sites, `site-${index}`)
const stop = new AbortController()
const hold = createHold()
// From the beginning: an enrolment waits for its coordinator as long as it takes, and must not outlive the contest.
createInterface({ input: process.stdin })
  .on('line', (line) => hold.release(trainMessage.parse(JSON.parse(line)).train))
  .on('close', () => {
    stop.abort()
    process.exit()
  })

const counts = new Map<string, number>()
/** The last agent says it for all. */
const count = (stage: Stage, round: number): void => {
  const key = `${stage} ${round}`
  const seen = (counts.get(key) ?? 0) + 1
  if (seen < indices.length) counts.set(key, seen)
  else {
    counts.delete(key)
    say({ [stage]: round } as HostMessage)
  }
}

const queue = [...indices]
await Promise.all(
  Array.from({ length: ENROLLING }, async () => {
    for (let index = queue.shift(); index !== undefined; index = queue.shift()) {
      const kitFile = join(values.kits, `site-${index}.json`)
      const common = { log: silentLog, clock: systemClock, signal: stop.signal }
      await enroll({ kitFile, dir: dirOf(index), acceptPolicy: true, ...common })
    }
  }),
)
say({ ready: '' })

const agents = indices.map((index) =>
  runAgent({
    dir: dirOf(index),
    dataDir: values.data,
    study: values.study,
    dataRules: { allowMissingClasses: true },
    createTrainer: noOpTrainer(hold, index, (round) => count('reached', round)),
    log: silentLog,
    clock: systemClock,
    signal: stop.signal,
    onProgress(event) {
      if (STAGES.includes(event.kind as Stage) && 'round' in event) count(event.kind as Stage, event.round)
      // A round without a site is another round than the one that is timed.
      else if (event.kind === 'declined') fail(`site ${index} declined round ${event.round}: ${event.code}`)
    },
  }),
)
Promise.all(agents).catch((thrown: unknown) => {
  if (!stop.signal.aborted) fail(String(thrown))
})
function fail(why: string): void {
  process.stderr.write(`${why}\n`)
  process.exit(1)
}
