/**
 * @file log Σ e^x of each row and its gradient.
 */
import { type Heap, registerKernel } from './heap.ts'
import { OWN } from './names.ts'
import { EXPONENTIALS, tasksOf, unitsOf } from './partition.ts'

export function registerLogSumExp(heap: Heap): void {
  const { run, address } = heap

  registerKernel<'x', object>(OWN.logSumExp, ({ x }) => {
    const [rows = 0, columns = 0] = x.shape
    const y = heap.output([rows, 1])
    const sums = heap.output([rows])
    const part = unitsOf(EXPONENTIALS, columns)
    const [largest, to] = [address(y), address(sums)]
    run('logSumExp', tasksOf(rows, part), part, address(x), largest, to, rows, columns, heap.constants)
    const values = heap.values(sums)
    for (const [row, most] of heap.values(y).entries()) {
      heap.values(y)[row] = most + Math.log(values[row] ?? Number.NaN)
    }
    heap.release(sums)
    return y
  })

  registerKernel<'x' | 'y' | 'dy', object>(OWN.logSumExpGradient, ({ x, y, dy }) => {
    const [rows = 0, columns = 0] = x.shape
    const dx = heap.output(x.shape)
    const part = unitsOf(EXPONENTIALS, columns)
    const addresses = [address(x), address(y), address(dy), address(dx)] as const
    run('logSumExpGradient', tasksOf(rows, part), part, ...addresses, rows, columns, heap.constants)
    return dx
  })
}
