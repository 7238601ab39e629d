/** @file A model file against the layout it must have: what a fetched model passes before its weights are used. */
import { allFinite } from '../delta/arithmetic.ts'
import { TesseraError } from '../errors.ts'
import { elementCount, type Layout, type Weights } from './layout.ts'
import { viewSafetensors } from './safetensors.ts'
import { broken, quoted } from './safetensors-header.ts'

/**
 * Gives the weights of a safetensors file, in the layout's order; they may share its memory. `num_batches_tracked` of a torchvision file is passed over: no
 * computation uses it when the momentum is fixed.
 * @throws {TesseraError} ERR_MODEL_FILE if the file is broken or holds values that are not finite; ERR_LAYOUT_MISMATCH if its
 *   tensors are not the layout's.
 */
export function decodeModel(bytes: Uint8Array, layout: Layout): Weights {
  const { tensors } = viewSafetensors(bytes)
  const weights = new Map<string, Float32Array>()
  for (const { name, shape } of layout.tensors) {
    const tensor = tensors.get(name)
    tensors.delete(name)
    if (!tensor) throw mismatch(`model file must have tensor ${name}, got none`)
    if (tensor.dtype !== 'F32' || !(tensor.data instanceof Float32Array)) {
      throw mismatch(`tensor ${name} must have dtype F32, got ${tensor.dtype}`)
    }
    if (tensor.shape.join() !== shape.join() || tensor.data.length !== elementCount(shape)) {
      throw mismatch(`tensor ${name} must have shape [${shape.join(', ')}], got [${tensor.shape.join(', ')}]`)
    }
    if (!allFinite(tensor.data)) {
      throw broken(`tensor ${name} must have finite values only, got NaN or infinity`)
    }
    weights.set(name, tensor.data)
  }
  for (const name of tensors.keys()) {
    if (name.endsWith('.num_batches_tracked')) continue
    throw mismatch(
      `model file must have the layout's ${layout.tensors.length} tensors only, got ${quoted(name)} too`,
    )
  }
  return weights
}

function mismatch(message: string): TesseraError {
  return new TesseraError('ERR_LAYOUT_MISMATCH', message)
}
