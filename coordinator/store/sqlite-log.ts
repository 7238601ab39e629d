/**
 * @file Whether an SQLite write-ahead log is damaged before its end.
 *
 * SQLite reads such a log up to the first frame whose checksum is wrong and takes the rest for what an interrupted write left. So one flipped bit
 * would silently undo every event after it. But each transaction is synced before the next one begins: a frame that continues a committed one was
 * written when that one was safe, so a wrong frame before it is damage and not an interruption.
 *
 * Source: https://www.sqlite.org/fileformat2.html#walformat. A header of 32 bytes: magic, version, page size, sequence, salt 1, salt 2, checksum.
 * Then frames: page number, database size (not 0 in a transaction's last frame), salt 1, salt 2, checksum (24 bytes), and the page.
 */

const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
/** Its last bit says in which byte order checksums are taken. */
const MAGIC = 0x377f0682

type Checksum = readonly [number, number]

/** True if SQLite would pass over transactions that were synced. A log that is cut off at its end is not told from an interrupted one. */
export function isLogDamaged(log: Buffer): boolean {
  if (log.length < HEADER_BYTES || log.subarray(0, HEADER_BYTES).every((byte) => byte === 0)) return false
  const magic = log.readUInt32BE(0)
  const pageBytes = log.readUInt32BE(8)
  if (magic >>> 1 !== MAGIC >>> 1 || !isPageSize(pageBytes)) return true
  const littleEndian = (magic & 1) === 0
  const stored = (at: number): Checksum => [log.readUInt32BE(at), log.readUInt32BE(at + 4)]
  const sum = (from: number, to: number, start: Checksum): Checksum =>
    checksum(log.subarray(from, to), start, littleEndian)

  const header = sum(0, 24, [0, 0])
  if (!equal(header, stored(24))) return true
  let [whole, committed] = [true, false]
  // Checksums that the next frame may continue: the one in the frame before it, and the one that frame should have.
  let previous: readonly Checksum[] = [header]
  const frameBytes = FRAME_HEADER_BYTES + pageBytes
  for (let at = HEADER_BYTES; at + frameBytes <= log.length; at += frameBytes) {
    const page = at + FRAME_HEADER_BYTES
    const own = stored(at + 16)
    const ofThisLog = log.subarray(at + 8, at + 16).equals(log.subarray(16, 24))
    const due = previous.map((sums) => sum(page, page + pageBytes, sum(at, at + 8, sums)))
    const follows = ofThisLog && due.some((sums) => equal(sums, own))
    if (follows && !whole && committed) return true
    whole &&= follows
    committed = log.readUInt32BE(at + 4) !== 0
    previous = follows ? [own] : [own, ...due.slice(0, 1)]
  }
  return false
}

function isPageSize(bytes: number): boolean {
  return bytes >= 512 && bytes <= 65_536 && (bytes & (bytes - 1)) === 0
}

/** Fibonacci-weighted sums over pairs of 32-bit words, as SQLite takes them. */
function checksum(bytes: Buffer, [first, second]: Checksum, littleEndian: boolean): Checksum {
  let [s0, s1] = [first, second]
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < bytes.length; at += 8) {
    s0 = (s0 + view.getUint32(at, littleEndian) + s1) >>> 0
    s1 = (s1 + view.getUint32(at + 4, littleEndian) + s0) >>> 0
  }
  return [s0, s1]
}

function equal([a0, a1]: Checksum, [b0, b1]: Checksum): boolean {
  return a0 === b0 && a1 === b1
}
