/** @file What a step changes: weights and velocities, moving averages, the queue. The recorder puts their in-place forms in a graph. */
import { OWN } from '../../kernels/names.ts'
import { type Ops, registerKernel } from './register.ts'

export function registerStep(ops: Ops): void {
  registerKernel<
    'weight' | 'gradient' | 'velocity' | 'learningRate',
    { momentum: number; weightDecay: number }
  >(OWN.sgdMomentum, ({ weight, gradient, velocity, learningRate }, { momentum, weightDecay }) =>
    ops.many(
      'TesseraSgdMomentum',
      [weight, gradient, velocity, learningRate],
      [ops.float('momentum', momentum), ops.float('weight_decay', weightDecay)],
      2,
    ),
  )
  registerKernel<'a' | 'b', { keep: number }>(OWN.towards, ({ a, b }, { keep }) =>
    ops.one('TesseraTowards', [a, b], [ops.float('keep', keep)]),
  )
  registerKernel<'queue' | 'rows' | 'index', object>(OWN.enqueue, ({ queue, rows, index }) =>
    ops.one('TesseraEnqueue', [queue, rows, index]),
  )
}
