/** @file Process: a coordinator, until standard input ends. */
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { startCoordinator } from '@tessera/coordinator'
import { systemClock } from '@tessera/shared/clock'
import { growHeapFreely } from '@tessera/shared/heap'
import { createLog } from '@tessera/shared/log'

// As the program does.
growHeapFreely()
const { values } = parseArgs({ options: { dir: { type: 'string', default: '' } } })
const coordinator = await startCoordinator({
  dir: values.dir,
  port: 0,
  // Written, as in production, to wherever the parent wants it.
  log: createLog((line) => process.stderr.write(line), systemClock),
})
process.stdout.write(`${JSON.stringify({ ready: coordinator.url })}\n`)
process.stdin.resume()
await once(process.stdin, 'end')
await coordinator.close()
process.exit()
