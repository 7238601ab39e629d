/** @file Times the kernels on the stock wasm back end, without any of ours, and writes the milliseconds as JSON: a process of its own. */
import '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import { measureKernels } from './kernels.ts'

tf.enableProdMode()
await tf.setBackend('wasm')
process.stdout.write(JSON.stringify(measureKernels()))
