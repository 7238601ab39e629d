/**
 * A thread that runs tasks of our kernels (pool.ts). Plain JavaScript: it must start without a loader. It never returns to an
 * event loop: it sleeps in Atomics.wait until a job is opened, which costs nothing.
 */
import { workerData } from 'node:worker_threads'

const { control, args, places, names, module, memory, lane } = workerData
const { exports } = new WebAssembly.Instance(module, { env: { memory } })
const kernels = names.map((name) => exports[name])

/** Looks at the gate before going to sleep: kernels follow each other closely, and a wake-up takes longer than these. */
const GLANCES = 2000

function work() {
  const kernel = kernels[control[places.kernel]]
  const tasks = control[places.tasks]
  const values = Array.from(args.subarray(0, control[places.count]))
  for (;;) {
    const task = Atomics.add(control, places.next, 1)
    if (task >= tasks) return
    kernel(task, lane, ...values)
  }
}

/** Returns when the gate is no longer as it was. */
function awaitChange(gate) {
  for (let glance = 0; glance < GLANCES; glance++) {
    if (Atomics.load(control, places.gate) !== gate) return
  }
  Atomics.wait(control, places.gate, gate)
}

for (;;) {
  // The gate first: close() moves it after it has set the other.
  const gate = Atomics.load(control, places.gate)
  if (Atomics.load(control, places.ending) === 1) break
  if (gate % 2 !== 0) {
    Atomics.add(control, places.inside, 1)
    try {
      if (Atomics.load(control, places.gate) % 2 !== 0) work()
    } catch (fault) {
      Atomics.store(control, places.failed, 1)
      throw fault
    } finally {
      if (Atomics.sub(control, places.inside, 1) === 1) Atomics.notify(control, places.inside)
    }
  }
  awaitChange(gate)
}
