/**
 * @file Curves as a TensorBoard event file: TFRecords that each hold an `Event` with one scalar.
 *
 * A record: its length (8 bytes), the length's checksum (4), the data, the data's checksum (4); little-endian. Checksums are CRC-32C, rotated and moved so
 * that one over data with a checksum in it is no accident.
 * Source: https://github.com/tensorflow/tensorflow, tensorflow/core/lib/io/record_writer.h, core/util/event.proto, core/framework/summary.proto.
 */
import protobuf from 'protobufjs/minimal.js'
import { crc32c } from './crc32c.ts'
import type { Series } from './series.ts'

const MASK_DELTA = 0xa282_ead8

/** Bytes of an event file. @param createdAtMs Dates its first event, which names the format. */
export function tensorboardFile(series: Series, createdAtMs: number): Uint8Array {
  const records = [
    record(event(createdAtMs, 0, (writer) => writer.uint32((3 << 3) | 2).string('brain.Event:2'))),
  ]
  for (const [tag, points] of series) {
    for (const { step, atMs, value } of points) {
      records.push(
        record(
          event(atMs, step, (writer) => {
            // Event.summary { Summary.value { tag, simple_value } }
            writer.uint32((5 << 3) | 2).fork()
            writer.uint32((1 << 3) | 2).fork()
            writer.uint32((1 << 3) | 2).string(tag)
            writer.uint32((2 << 3) | 5).float(value)
            writer.ldelim().ldelim()
          }),
        ),
      )
    }
  }
  return Buffer.concat(records)
}

function event(atMs: number, step: number, what: (writer: protobuf.Writer) => unknown): Uint8Array {
  const writer = protobuf.Writer.create()
  writer.uint32((1 << 3) | 1).double(atMs / 1000)
  if (step !== 0) writer.uint32(2 << 3).int64(step)
  what(writer)
  return writer.finish()
}

function record(data: Uint8Array): Uint8Array {
  const head = Buffer.alloc(12)
  head.writeBigUInt64LE(BigInt(data.byteLength))
  head.writeUInt32LE(masked(head.subarray(0, 8)), 8)
  const tail = Buffer.alloc(4)
  tail.writeUInt32LE(masked(data))
  return Buffer.concat([head, data, tail])
}

function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0
}
