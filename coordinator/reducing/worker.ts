/** @file A thread that combines blocks: takes the next one, reads its rows, and puts the values into the ring. */
import { parentPort } from 'node:worker_threads'
import { asTesseraError } from '@tessera/shared/errors'
import { createBlockReducer } from '@tessera/shared/reduction'
import { rowReader } from './row-reader.ts'
import { CONTROL, type JobMessage, type ThreadMessage } from './threads.ts'

const say = (message: ThreadMessage): void => parentPort?.postMessage(message, [])

parentPort?.on('message', (job: JobMessage) => {
  try {
    combine(job)
    say({ end: true })
  } catch (thrown) {
    const { code, message } = asTesseraError(thrown)
    say({ end: true, failure: { code, message } })
  }
})

function combine({ blocks, reduction, descriptors, control, ring, place }: JobMessage): void {
  const reducer = createBlockReducer(reduction, blocks)
  const places = ring.length / place
  for (;;) {
    const i = Atomics.add(control, CONTROL.next, 1)
    const block = blocks[i]
    if (block === undefined) return
    const values = reducer.reduce(block, rowReader(block, descriptors))
    for (;;) {
      const taken = Atomics.load(control, CONTROL.taken)
      if (i < taken + places) break
      Atomics.wait(control, CONTROL.taken, taken)
    }
    ring.set(values, place * (i % places))
    say({ block: i })
  }
}
