/** @file Writes a zip archive with any names and modes: what no ordinary tool would write is what a reader must refuse. */
import { crc32 } from 'node:zlib'

export interface ZipEntry {
  readonly name: string
  readonly content: string | Uint8Array
  /** Unix mode with its kind: 0o100644 a file, 0o120777 a link. */
  readonly mode?: number
  /** Size that the directory claims, where it lies. */
  readonly claimedBytes?: number
}

/** A zip archive whose entries are stored as they are. */
export function zipFile(entries: readonly ZipEntry[]): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, content, mode = 0o100644, claimedBytes } of entries) {
    const data = Buffer.from(content)
    const nameBytes = Buffer.from(name)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0) // version needed
    common.writeUInt32LE(crc32(data), 10)
    common.writeUInt32LE(claimedBytes ?? data.length, 14)
    common.writeUInt32LE(claimedBytes ?? data.length, 18)
    common.writeUInt16LE(nameBytes.length, 22)
    const local = Buffer.concat([Buffer.from('504b0304', 'hex'), common, nameBytes, data])
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE((mode << 16) >>> 0, 6)
    tail.writeUInt32LE(offset, 10)
    // 0x0314: made by Unix, so that the upper half of the attributes is a mode.
    directory.push(Buffer.from('504b01021403', 'hex'), common, tail, nameBytes)
    parts.push(local)
    offset += local.length
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('504b0506', 0, 'hex')
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, central, end])
}
