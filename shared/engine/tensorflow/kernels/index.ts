/**
 * @file Registers every kernel of ours for back end `tensorflow`. One call a process, after the back end has started.
 */
import type { TensorflowBackend } from '../load.ts'
import { registerBatchNorm } from './batch-norm.ts'
import { registerChannels } from './channels.ts'
import { registerConvolution } from './convolution.ts'
import { registerDepthwise } from './depthwise.ts'
import { registerGather } from './gather.ts'
import { registerMatMul } from './mat-mul.ts'
import { createOps } from './register.ts'
import { registerStep } from './step.ts'
import { registerSwish } from './swish.ts'

export function registerTensorflowKernels(backend: TensorflowBackend): void {
  const ops = createOps(backend)
  registerMatMul(ops)
  registerConvolution(ops)
  registerGather(ops)
  // Our ops have no kernel for a GPU. There the ops of `shared/engine/ops` are compositions where they find no kernel.
  if (!ops.onGpu) {
    registerDepthwise(ops)
    registerChannels(ops)
    registerStep(ops)
    registerSwish(ops)
  }
  registerBatchNorm(ops)
}
