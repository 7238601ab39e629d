/** @file Factors by channel and means over an image's pixels. */
import { OWN } from '../../kernels/names.ts'
import { type Ops, registerKernel } from './register.ts'

export function registerChannels(ops: Ops): void {
  registerKernel<'x', object>(OWN.averagePool, ({ x }) => ops.one('TesseraAveragePool', [x]))
  registerKernel<'dy', { shape: number[] }>(OWN.averagePoolGradient, ({ dy }, { shape }) =>
    ops.one('TesseraAveragePoolGradient', [dy], [ops.int('shape', shape)]),
  )
  registerKernel<'x' | 's', object>(OWN.scaleChannels, ({ x, s }) => ops.one('TesseraScaleChannels', [x, s]))
  registerKernel<'x' | 's' | 'dy', object>(OWN.scaleChannelsGradient, ({ x, s, dy }) =>
    ops.many('TesseraScaleChannelsGradient', [x, s, dy], [], 2),
  )
}
