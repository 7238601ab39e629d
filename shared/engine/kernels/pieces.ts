/**
 * @file Tensors cut up and put together along one axis: rows copied from one stride to another.
 */
import * as tf from '@tensorflow/tfjs-core'
import { type Heap, registerKernel } from './heap.ts'
import { OWN } from './names.ts'
import { tasksOf, unitsOf } from './partition.ts'

/** Bytes of a task that copies. */
const COPY = 524_288

/** A tensor seen as [outer, along, inner] around an axis. */
interface View {
  at: number
  outer: number
  /** Bytes of `along` · `inner` elements: from one row to the next. */
  stride: number
  /** Bytes of one step along the axis. */
  step: number
}

function copy({ run }: Heap, from: View, to: View, fromStart: number, toStart: number, count: number): void {
  const rows = from.outer
  const bytes = count * from.step
  const part = rows === 1 ? COPY : unitsOf(COPY, bytes)
  const tasks = rows === 1 ? tasksOf(bytes, COPY) : tasksOf(rows, part)
  const source = from.at + fromStart * from.step
  const target = to.at + toStart * to.step
  run('copyRows', tasks, part, source, target, rows, bytes, from.stride, to.stride)
}

function viewOf(heap: Heap, x: tf.TensorInfo, axis: number): View {
  const size = tf.util.sizeFromShape
  const step = 4 * size(x.shape.slice(axis + 1))
  return {
    at: heap.address(x),
    outer: size(x.shape.slice(0, axis)),
    stride: step * (x.shape[axis] ?? 1),
    step,
  }
}

/** Whether the elements have four bytes and there are some. */
function isPlain(x: tf.TensorInfo): boolean {
  return (x.dtype === 'float32' || x.dtype === 'int32') && tf.util.sizeFromShape(x.shape) > 0
}

function output(heap: Heap, like: tf.TensorInfo, shape: number[]): tf.TensorInfo {
  return heap.output(shape, like.dtype === 'int32' ? 'int32' : 'float32')
}

/** First element and number of elements along each axis. */
function boundsOf(
  x: tf.TensorInfo,
  begin: number | number[],
  size: number | number[],
): [starts: number[], sizes: number[]] {
  const [starts = [], sizes = []] = tf.slice_util.parseSliceParams(x, begin, size)
  return [starts, sizes]
}

/** The axis that a slice cuts, 0 when it cuts none, -1 when it cuts several. */
function slicedAxis(x: tf.TensorInfo, size: readonly number[]): number {
  const cut = x.shape.flatMap((length, axis) => (size[axis] === length ? [] : [axis]))
  return cut.length > 1 ? -1 : (cut[0] ?? 0)
}

export function registerPieces(heap: Heap): void {
  registerKernel<'x', tf.SliceAttrs>(
    tf.Slice,
    ({ x }, { begin, size }) => {
      const [starts, sizes] = boundsOf(x, begin, size)
      const axis = slicedAxis(x, sizes)
      const y = output(heap, x, sizes)
      copy(heap, viewOf(heap, x, axis), viewOf(heap, y, axis), starts[axis] ?? 0, 0, sizes[axis] ?? 1)
      return y
    },
    ({ x }, { begin, size }) => {
      if (!isPlain(x) || x.shape.length === 0) return false
      const [starts, sizes] = boundsOf(x, begin, size)
      const inside = sizes.every((length, i) => length > 0 && (starts[i] ?? 0) + length <= (x.shape[i] ?? 0))
      return inside && slicedAxis(x, sizes) >= 0
    },
  )

  registerKernel<'x', tf.SplitVAttrs>(
    tf.SplitV,
    ({ x }, attributes) => {
      const [axis = 0] = tf.util.parseAxisParam(attributes.axis, x.shape)
      const sizes = tf.backend_util.prepareSplitSize(x, attributes.numOrSizeSplits, axis)
      let start = 0
      return sizes.map((size) => {
        const piece = output(
          heap,
          x,
          x.shape.map((length, i) => (i === axis ? size : length)),
        )
        if (size > 0) copy(heap, viewOf(heap, x, axis), viewOf(heap, piece, axis), start, 0, size)
        start += size
        return piece
      })
    },
    ({ x }) => isPlain(x),
  )

  registerKernel<string, tf.ConcatAttrs>(
    tf.Concat,
    (inputs, attributes) => {
      const pieces = inOrder(inputs)
      const [first] = pieces as [tf.TensorInfo, ...tf.TensorInfo[]]
      const [axis = 0] = tf.util.parseAxisParam(attributes.axis, first.shape)
      const along = pieces.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0)
      const y = output(
        heap,
        first,
        first.shape.map((length, i) => (i === axis ? along : length)),
      )
      let start = 0
      for (const piece of pieces) {
        const size = piece.shape[axis] ?? 0
        copy(heap, viewOf(heap, piece, axis), viewOf(heap, y, axis), 0, start, size)
        start += size
      }
      return y
    },
    (inputs) => {
      const pieces = inOrder(inputs)
      return pieces.every((piece) => isPlain(piece) && piece.dtype === pieces[0]?.dtype)
    },
  )

  registerKernel<'queue' | 'rows' | 'index', object>(OWN.enqueue, ({ queue, rows, index }) => {
    const [size = 0] = queue.shape
    const [batch = 0] = rows.shape
    const start = new Int32Array(heap.values(index).buffer, heap.address(index), 1)[0] ?? 0
    const moved = heap.output(queue.shape)
    const [to, from] = [viewOf(heap, moved, 0), viewOf(heap, rows, 0)]
    copy(heap, viewOf(heap, queue, 0), to, 0, 0, size)
    // The last rows only, where there are more than the ring has; then around its end.
    const kept = Math.min(batch, size)
    const first = (start + batch - kept) % size
    const atEnd = Math.min(kept, size - first)
    copy(heap, from, to, batch - kept, first, atEnd)
    if (kept > atEnd) copy(heap, from, to, batch - kept + atEnd, 0, kept - atEnd)
    return moved
  })
}

/** TensorFlow.js hands a list of tensors over as an object with numbers for names. */
function inOrder(inputs: Record<string, tf.TensorInfo>): tf.TensorInfo[] {
  return Object.keys(inputs)
    .map(Number)
    .toSorted((a, b) => a - b)
    .map((i) => inputs[i] as tf.TensorInfo)
}
