// A contender that only says what it is told to: node toy-contender.mjs '{"name":"a","seconds":0.5,"trace":"FILE","fault":"..."}'
import { appendFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const { name, seconds, trace, fault, parts, processor } = JSON.parse(process.argv[2])
const say = (message) =>
  process.stdout.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`)
const note = (what) => trace && appendFileSync(trace, `${name} ${what}\n`)

if (fault === 'dies at start') {
  process.stderr.write('no module named torch\n')
  process.exit(3)
}
note(`starts ${process.pid}`)
say({ ready: { versions: { toy: '1' }, pid: process.pid } })
let runs = 0
for await (const line of createInterface({ input: process.stdin })) {
  const { run } = JSON.parse(line)
  runs += 1
  note(`runs ${run}`)
  if (fault === 'is silent') continue
  if (fault === 'talks nonsense') say('step done!')
  else if (fault === 'does one step less') say(done(run - 1))
  else if (fault === 'dies in its second run' && runs === 2) process.exit(4)
  else say(done(run))
}
if (fault === 'ends when asked') {
  // Something of its own is still running: its input alone does not end it.
  const work = setInterval(() => undefined, 1000)
  process.once('SIGTERM', () => {
    note('is asked')
    clearInterval(work)
    note('ends')
  })
} else note('ends')

function done(count) {
  const each = Array.from({ length: count }, () => seconds)
  return {
    seconds: each,
    losses: each.map((_, i) => i + runs),
    ...(parts ? { parts } : {}),
    ...(processor ? { processor } : {}),
    stepPeakBytes: runs * 100,
    peakBytes: 1000 + runs,
  }
}
