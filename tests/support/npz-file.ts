/** @file Writes .npz files as numpy.savez does, and with headers that it would never write. */
import { type ZipEntry, zipFile } from './zip-file.ts'

export interface NpyOptions {
  /** NumPy's name of the element type. */
  readonly descr?: string
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
  /** In place of the dictionary that says so. */
  readonly header?: string
}

/** One array in the .npy format, version 1. */
export function npyFile({ descr = '|u1', shape, bytes, header }: NpyOptions): Buffer {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = header ?? `{'descr': '${descr}', 'fortran_order': False, 'shape': (${tuple}), }`
  const padded = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`
  const length = Buffer.alloc(2)
  length.writeUInt16LE(padded.length)
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, Buffer.from(padded), bytes])
}

/** An archive of arrays by their names. */
export function npzFile(
  arrays: Readonly<Record<string, NpyOptions | Buffer>>,
  more: readonly ZipEntry[] = [],
): Buffer {
  const entries = Object.entries(arrays).map(([name, array]) => ({
    name: `${name}.npy`,
    content: array instanceof Uint8Array ? array : npyFile(array),
  }))
  return zipFile([...entries, ...more])
}
