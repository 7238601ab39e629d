/**
 * @file The fields of a protobuf message, one after the other, read as hostile input: every length is checked against what is there.
 *
 * Format: https://protobuf.dev/programming-guides/encoding. Bytes are views of the file: a model's tensors are walked over, not copied.
 */
import protobuf from 'protobufjs/minimal.js'
import { TesseraError } from '../../errors.ts'
import { onnxBroken } from './fault.ts'

/** Longest list of numbers that is read: a tensor's shape has 8 at most. */
const MAX_LIST = 64

/** One field. `bytes` holds a text, an embedded message or a packed list; `number` an integer, in which bits above 2⁵³ are lost. */
export interface Field {
  readonly number: number
  readonly value: { readonly bytes: Uint8Array } | { readonly number: number }
}

/**
 * Gives the fields of a message in their order in the file. A message that occurs twice is meant to be merged: the reader of each
 * field must take it again.
 * @throws {TesseraError} ERR_ONNX_FILE if the bytes are no protobuf message, or use the groups of old protobuf, which ONNX does not have.
 */
export function* fieldsOf(message: Uint8Array): Generator<Field> {
  const reader = protobuf.Reader.create(message)
  while (reader.pos < reader.len) yield readField(reader)
}

/** The bytes of a field. @throws {TesseraError} ERR_ONNX_FILE if it holds a number. */
export function bytesOf({ number, value }: Field): Uint8Array {
  if ('bytes' in value) return value.bytes
  throw onnxBroken(`field ${number} must hold bytes, got a number`)
}

/** The number of a field. @throws {TesseraError} ERR_ONNX_FILE if it holds bytes. */
export function numberOf({ number, value }: Field): number {
  if ('number' in value) return value.number
  throw onnxBroken(`field ${number} must hold a number, got bytes`)
}

/** The text of a field. @throws {TesseraError} ERR_ONNX_FILE if it holds a number or is not UTF-8. */
export function textOf(field: Field): string {
  try {
    return utf8.decode(bytesOf(field))
  } catch (cause) {
    throw onnxBroken(`field ${field.number} must hold UTF-8 text, got other bytes`, cause)
  }
}

/** The integers of a repeated field: one, or packed many. */
export function numbersOf(field: Field): number[] {
  if ('number' in field.value) return [field.value.number]
  const reader = protobuf.Reader.create(field.value.bytes)
  const numbers: number[] = []
  while (reader.pos < reader.len) {
    if (numbers.length === MAX_LIST)
      throw onnxBroken(`field ${field.number} must list at most ${MAX_LIST} numbers, got more`)
    numbers.push(Number(guarded(() => reader.int64())))
  }
  return numbers
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function readField(reader: protobuf.Reader): Field {
  return guarded(() => {
    const tag = reader.tag()
    const number = tag >>> 3
    if (number === 0) throw onnxBroken('field must have a number of 1 or more, got 0')
    switch (tag & 7) {
      case 0:
        return { number, value: { number: Number(reader.int64()) } }
      case 1:
        return { number, value: { number: reader.double() } }
      case 2:
        return { number, value: { bytes: reader.bytes() } }
      case 5:
        return { number, value: { number: reader.float() } }
      default:
        throw onnxBroken(`field ${number} must be of wire type 0, 1, 2 or 5, got ${tag & 7}`)
    }
  })
}

/** protobufjs throws RangeError or Error where bytes end too early. */
function guarded<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof TesseraError) throw cause
    throw onnxBroken(
      'ONNX file must be a whole protobuf message, got bytes that end too early or are none',
      cause,
    )
  }
}
