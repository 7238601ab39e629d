/** @file How eagerly this process collects garbage. */
import v8 from 'node:v8'

/** The heap may grow to five times what is alive before V8 collects it. */
const GROWTH_PERCENT = 400

/**
 * Makes V8 wait longer between two collections of the whole heap. It counts the bytes of frames and models against a heap that is itself small, so by default it collects
 * for every 20 MB that pass: 120 times in a minute of transfer, a third of the processor time of a round of 21 MB. The price is memory, at most four times the live heap,
 * some 40 MB for a coordinator. Call it first: it holds for the process, its threads too.
 */
export function growHeapFreely(): void {
  v8.setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`)
}
