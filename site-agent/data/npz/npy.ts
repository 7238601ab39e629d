/**
 * @file Headers of NumPy's .npy format: magic, version, a Python dictionary with the element type, the order and the shape.
 *
 * Source: NumPy Enhancement Proposal 1, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html. Only what `numpy.save`
 * writes for plain arrays in C order is read: no objects, so nothing is unpickled.
 */
import { TesseraError } from '@tessera/shared/errors'

export interface NpyHeader {
  /** Kind of an element: unsigned, signed; others are refused. */
  readonly kind: 'u' | 'i'
  readonly itemBytes: 1 | 2 | 4 | 8
  readonly littleEndian: boolean
  readonly shape: readonly number[]
  /** Bytes before the elements. */
  readonly headerBytes: number
}

/** Version 1 has 64 KiB by its field's width; later versions are held to the same: a header names a shape. */
const MAX_HEADER_BYTES = 65_535
/** Images have 4 dimensions, labels 2. */
const MAX_DIMENSIONS = 8
const DICTIONARY =
  /^\{'descr': '([<>|])([ui])([1248])', 'fortran_order': False, 'shape': \(((?:\d{1,12}, ?)*(?:\d{1,12})?),?\), \} *\n$/

/** Bytes to read before {@link parseNpyHeader} can tell the header's length. */
export const NPY_PREFIX_BYTES = 12

/** Length of the whole header. @throws {TesseraError} ERR_DATA_NPZ */
export function npyHeaderBytes(prefix: Buffer): number {
  if (prefix.length < NPY_PREFIX_BYTES || prefix.toString('latin1', 0, 6) !== '\x93NUMPY') {
    throw npzRefused('hold arrays in the .npy format', 'other content')
  }
  const version = prefix[6] as number
  if (version < 1 || version > 3) throw npzRefused('hold arrays of .npy version 1 to 3', String(version))
  const bytes = version === 1 ? 10 + prefix.readUInt16LE(8) : 12 + prefix.readUInt32LE(8)
  if (bytes > MAX_HEADER_BYTES) {
    throw npzRefused(`have array headers of at most ${MAX_HEADER_BYTES} bytes`, String(bytes))
  }
  return bytes
}

/** Reads a whole header. @throws {TesseraError} ERR_DATA_NPZ */
export function parseNpyHeader(header: Buffer): NpyHeader {
  const text = header.toString('latin1', header[6] === 1 ? 10 : 12)
  const [, order, kind, itemBytes, dimensions = ''] = DICTIONARY.exec(text) ?? []
  const shape = dimensions
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number)
  if (kind === undefined || shape.length === 0 || shape.length > MAX_DIMENSIONS) {
    throw npzRefused('hold arrays of whole numbers in C order', 'another header')
  }
  return {
    kind: kind as NpyHeader['kind'],
    itemBytes: Number(itemBytes) as NpyHeader['itemBytes'],
    littleEndian: order !== '>',
    shape,
    headerBytes: header.length,
  }
}

/** Whole numbers of an array's bytes. @throws {TesseraError} ERR_DATA_NPZ when one is no safe integer. */
export function npyIntegers(bytes: Buffer, { kind, itemBytes, littleEndian }: NpyHeader): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const read = (at: number): number => {
    if (itemBytes === 8) {
      return Number(kind === 'u' ? view.getBigUint64(at, littleEndian) : view.getBigInt64(at, littleEndian))
    }
    if (itemBytes === 4)
      return kind === 'u' ? view.getUint32(at, littleEndian) : view.getInt32(at, littleEndian)
    if (itemBytes === 2)
      return kind === 'u' ? view.getUint16(at, littleEndian) : view.getInt16(at, littleEndian)
    return kind === 'u' ? view.getUint8(at) : view.getInt8(at)
  }
  return Array.from({ length: bytes.length / itemBytes }, (_, i) => read(i * itemBytes))
}

/** The failure of an npz file: `npz file must <rule>, got <value>`. */
export function npzRefused(rule: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_DATA_NPZ', `npz file must ${rule}, got ${got}`, { cause })
}
