/**
 * @file Registers the gradients of the TensorFlow.js ops that this project uses, for every back end.
 *
 * TensorFlow.js keeps its own in `dist/register_all_gradients.js`, which Node cannot load: ES module syntax with imports of
 * folders and without file endings, in a package that calls itself CommonJS. Bundlers and test runners repair that, a loader
 * does not on Node 24, and where it does it takes more than a second a process. An op that is missing here says so by name:
 * "gradient function not found".
 */
import { registerElementwise } from './elementwise.ts'
import { registerLayers } from './layers.ts'
import { registerReductions } from './reductions.ts'
import { registerShapes } from './shapes.ts'

export function registerGradients(): void {
  registerElementwise()
  registerReductions()
  registerShapes()
  registerLayers()
}
