/**
 * @file The layout of a model: which tensors it has, in which order, of which shape and kind. Its hash pins both ends of a
 * study to the same model.
 *
 * Shapes and element order are PyTorch's: linear weights `[out, in]`, convolution weights `[out, in/groups, kh, kw]`, so that a
 * student is a plain torchvision state dict. Only shared/model/network turns them into the engine's order.
 */
import { createHash } from 'node:crypto'
import { TensorShapeError, TesseraError } from '../errors.ts'

/**
 * `trainable`: moved by the optimiser, averaged. `statistic`: batch-norm running mean or variance, averaged, and a policy may keep it
 * at the site. `counter`: never averaged (the largest is taken). `local-only`: never leaves the site.
 */
export type TensorKind = 'trainable' | 'statistic' | 'counter' | 'local-only'

export interface TensorSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly kind: TensorKind
}

export interface Layout {
  /** Text that names the architecture and its settings, for instance `efficientnet-b0 width=0.25 depth=0.34 classes=4`. */
  readonly architecture: string
  readonly tensors: readonly TensorSpec[]
}

/** Values by tensor name, float32, in PyTorch's element order. Iterates in the layout's order. */
export type Weights = ReadonlyMap<string, Float32Array>

/** Number of elements of a shape; 1 for a scalar's `[]`. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** SHA-256, in lower-case hex, of the layout's canonical text: architecture, then one `name kind d0,d1,…` line a tensor. */
export function layoutHash(layout: Layout): string {
  const lines = layout.tensors.map((t) => `${t.name} ${t.kind} ${t.shape.join(',')}`)
  return createHash('sha256')
    .update([layout.architecture, ...lines].join('\n'))
    .digest('hex')
}

/** The layout without its `local-only` tensors: what a delta holds. */
export function federatedLayout(layout: Layout): Layout {
  return { ...layout, tensors: layout.tensors.filter((t) => t.kind !== 'local-only') }
}

/**
 * Checks that `weights` has the layout's tensors, all of them, in order, and of the right length.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH; {TensorShapeError} when a length is wrong.
 */
export function assertFits(role: string, layout: Layout, weights: Weights): void {
  const names = [...weights.keys()]
  if (names.length !== layout.tensors.length) {
    throw new TesseraError(
      'ERR_LAYOUT_MISMATCH',
      `${role} must have ${layout.tensors.length} tensors, got ${names.length}`,
    )
  }
  for (const [i, spec] of layout.tensors.entries()) {
    if (names[i] !== spec.name) {
      throw new TesseraError(
        'ERR_LAYOUT_MISMATCH',
        `${role} must have tensor ${i} named ${spec.name}, got ${names[i]}`,
      )
    }
    const values = weights.get(spec.name)
    if (values?.length !== elementCount(spec.shape)) {
      throw new TensorShapeError(`${role} ${spec.name}`, spec.shape, [values?.length ?? 0])
    }
  }
}
