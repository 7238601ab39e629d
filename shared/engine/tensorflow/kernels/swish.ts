/** @file Swish and its gradient, each in one pass. */
import { OWN } from '../../kernels/names.ts'
import { type Ops, registerKernel } from './register.ts'

export function registerSwish(ops: Ops): void {
  registerKernel<'x', object>(OWN.swish, ({ x }) => ops.one('TesseraSwish', [x]))
  registerKernel<'x' | 'dy', object>(OWN.swishGradient, ({ x, dy }) =>
    ops.one('TesseraSwishGradient', [x, dy]),
  )
}
