import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import sharp, { type JpegOptions } from 'sharp'
import { describe, expect, test } from 'vitest'
import { decodePlainJpeg } from '../../../../site-agent/data/jpeg/decode.ts'
import { createTileMemory } from '../../../../site-agent/data/wasm/tile-memory.ts'
import {
  jpegOf,
  jpegOfSegments,
  type Picture,
  type Segment,
  segmentsOf,
} from '../../../support/jpeg-files.ts'

const memory = createTileMemory()

/** Pixels as the caller's own; null when they are left to sharp. */
function decoded(jpeg: Uint8Array): Uint8Array | null {
  memory.clear()
  const picture = decodePlainJpeg(jpeg, memory)
  return picture === null ? null : memory.bytes(picture.at, picture.width * picture.height * 3).slice()
}

/** Null when sharp refuses it. */
async function bySharp(jpeg: Uint8Array): Promise<Uint8Array | null> {
  const pixels = await sharp(jpeg, { failOn: 'error' })
    .raw()
    .toBuffer()
    .catch(() => null)
  return pixels && new Uint8Array(pixels)
}

const equal = (a: Uint8Array | null, b: Uint8Array | null): boolean =>
  a !== null && b !== null && Buffer.compare(a, b) === 0

const pictures: fc.Arbitrary<Picture> = fc.record({
  width: fc.integer({ min: 5, max: 70 }),
  height: fc.integer({ min: 1, max: 70 }),
  kind: fc.constantFrom('tissue', 'noise', 'edges'),
  seed: fc.nat(),
})
const options: fc.Arbitrary<JpegOptions> = fc.record({
  quality: fc.constantFrom(1, 5, 30, 75, 90, 95, 100),
  progressive: fc.boolean(),
  optimiseCoding: fc.boolean(),
  chromaSubsampling: fc.constantFrom('4:4:4', '4:2:0'),
  trellisQuantisation: fc.boolean(),
  overshootDeringing: fc.boolean(),
})

interface PillowCase {
  readonly name: string
  readonly jpeg: string
  readonly sha256: string
}
const { cases }: { cases: readonly PillowCase[] } = JSON.parse(
  readFileSync(new URL('../../../parity/pillow/jpeg.json', import.meta.url), 'utf8'),
)

const tissue: Picture = { width: 37, height: 29, kind: 'tissue', seed: 1 }
const good = await jpegOf(tissue)
const passes = await jpegOf(tissue, { progressive: true })

describe('decodePlainJpeg()', () => {
  test('gives the bytes that libjpeg gives, whatever the size, the sampling, the quality and the order of the bits', async () => {
    await fc.assert(
      fc.asyncProperty(pictures, options, async (picture, how) => {
        const jpeg = await jpegOf(picture, how)
        expect(equal(decoded(jpeg), await bySharp(jpeg))).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  test.each(cases)('gives the bytes that Pillow gives: $name', ({ jpeg, sha256 }) => {
    const pixels = decoded(Buffer.from(jpeg, 'base64')) ?? new Uint8Array(0)
    expect(createHash('sha256').update(pixels).digest('hex')).toBe(sha256)
  })

  test('gives the same bytes whatever the memory held before', async () => {
    const want = decoded(passes)
    memory.clear()
    memory.bytes(memory.take(1_000_000), 1_000_000).fill(255)
    expect(decoded(passes)).toEqual(want)
  })

  test('does not look behind the end of the picture', () => {
    expect(decoded(Buffer.concat([good, Buffer.from('anything')]))).toEqual(decoded(good))
  })
})

/** The file with each segment of a marker replaced by what `change` makes of it. */
function changed(jpeg: Buffer, marker: number, change: (bytes: Buffer) => Buffer | null): Buffer {
  const segments = segmentsOf(jpeg).flatMap((segment): Segment[] => {
    if (segment.marker !== marker) return [segment]
    const bytes = change(Buffer.from(segment.bytes))
    return bytes === null ? [] : [{ marker, bytes }]
  })
  return jpegOfSegments(segments)
}

/** With one byte of a segment set, counted from its marker on. */
const withByte = (jpeg: Buffer, marker: number, at: number, value: number): Buffer =>
  changed(jpeg, marker, (bytes) => {
    bytes[at] = value
    return bytes
  })

const [FRAME, CODES, FACTORS, SCAN, COMMENT] = [0xc0, 0xc4, 0xdb, 0xda, 0xfe]
const frameOf = (jpeg: Buffer): Buffer =>
  segmentsOf(jpeg).find(({ marker }) => marker === FRAME)?.bytes as Buffer
const before = (bytes: Buffer, marker: number, jpeg: Buffer): Buffer =>
  changed(jpeg, marker, (own) => Buffer.concat([bytes, own]))
const adobe = (transform: number): Buffer =>
  Buffer.concat([
    Buffer.of(0xff, 0xee, 0, 14),
    Buffer.from('Adobe'),
    Buffer.of(0, 100, 0, 0, 0, 0, transform),
  ])

describe('decodePlainJpeg() leaves to sharp', () => {
  test.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['what does not begin as a JPEG', Buffer.concat([Buffer.of(0xff, 0xd9), good.subarray(2)])],
    [
      'arithmetic codes',
      changed(good, FRAME, (bytes) => Buffer.concat([Buffer.of(0xff, 0xc9), bytes.subarray(2)])),
    ],
    ['12 bits', withByte(good, FRAME, 4, 12)],
    ['a width of 0', withByte(withByte(good, FRAME, 7, 0), FRAME, 8, 0)],
    ['a height that comes later', withByte(withByte(good, FRAME, 5, 0), FRAME, 6, 0)],
    ['more pixels than a tile may have', withByte(withByte(good, FRAME, 5, 255), FRAME, 7, 255)],
    ['a sampling of 4', withByte(good, FRAME, 11, 0x41)],
    ['colours finer than brightness', withByte(good, FRAME, 14, 0x22)],
    ['a table of factors that is not there', withByte(good, FRAME, 12, 3)],
    ['two frames', before(frameOf(good), SCAN, good)],
    ['no frame', changed(good, FRAME, () => null)],
    ['factors of 16 bits', withByte(good, FACTORS, 4, 0x10)],
    ['a factor of 0', withByte(good, FACTORS, 9, 0)],
    ['coefficients that no picture has', withByte(good, FACTORS, 5, 255)],
    ['codes that are no prefix codes', withByte(good, CODES, 5, 3)],
    ['more symbols than there is room for', withByte(good, CODES, 12, 255)],
    ['no codes', changed(good, CODES, () => null)],
    ['a scan of a component that is not there', withByte(good, SCAN, 5, 9)],
    ['a scan of one component twice', withByte(good, SCAN, 7, 1)],
    ['a part of the coefficients, in one pass', withByte(good, SCAN, 12, 5)],
    ['RGB, as Adobe marks it', before(adobe(0), FRAME, good)],
    ['a marker of no length', before(Buffer.of(0xff, COMMENT, 0, 1), FRAME, good)],
    ['a byte between two segments', before(Buffer.of(0), FRAME, good)],
    ['a byte behind the scan', Buffer.concat([good.subarray(0, -2), Buffer.of(7), good.subarray(-2)])],
    [
      'a restart marker where none is due',
      Buffer.concat([good.subarray(0, -2), Buffer.of(0xff, 0xd0), good.subarray(-2)]),
    ],
  ])('%s', (_, jpeg) => {
    expect(decoded(jpeg)).toBeNull()
  })

  test('grey and CMYK', async () => {
    for (const space of ['b-w', 'cmyk']) {
      expect(decoded(await sharp(good).toColourspace(space).jpeg().toBuffer())).toBeNull()
    }
  })

  test('a file of several passes that lacks one, or has one twice', () => {
    const scans = scansOf(passes)
    expect(scans.length).toBeGreaterThan(6)
    const rebuilt = (parts: readonly Buffer[]): Buffer =>
      Buffer.concat([passes.subarray(0, scans[0]?.at), ...parts])
    const parts = scans.map(({ bytes }) => bytes)
    const end = Buffer.of(0xff, 0xd9)
    expect(decoded(rebuilt([...parts, end]))).toEqual(decoded(passes))
    expect(decoded(passes)).not.toBeNull()
    for (let i = 0; i < parts.length; i++) {
      expect(decoded(rebuilt([...parts.toSpliced(i, 1), end]))).toBeNull()
      expect(decoded(rebuilt([...parts.toSpliced(i, 0, parts[i] as Buffer), end]))).toBeNull()
    }
  })

  test('a file of more passes than encoders write', async () => {
    const flat = await jpegOf(
      { width: 8, height: 8, kind: 'flat', seed: 1 },
      { progressive: true, chromaSubsampling: '4:4:4' },
    )
    const isOfMeans = (bytes: Buffer): boolean => bytes[bytes.indexOf(Buffer.of(0xff, SCAN)) + 4] === 3
    const means = scansOf(flat).filter(({ bytes }) => isOfMeans(bytes))
    // One code, of one bit: the block has no more coefficients.
    const codes = Buffer.concat([Buffer.of(0xff, CODES, 0, 20, 0x10, 1), Buffer.alloc(16)])
    const band = (component: number, first: number, last: number): Buffer =>
      Buffer.of(0xff, SCAN, 0, 8, 1, component, 0, first, last, 0, 0x7f)
    const inBands = (count: number): Buffer =>
      Buffer.concat([
        flat.subarray(0, means[0]?.at),
        ...means.map(({ bytes }) => bytes),
        codes,
        band(2, 1, 63),
        band(3, 1, 63),
        ...Array.from({ length: count }, (_, i) => band(1, i + 1, i + 1 === count ? 63 : i + 1)),
        Buffer.of(0xff, 0xd9),
      ])
    expect(decoded(inBands(20))).toEqual(decoded(flat))
    expect(decoded(inBands(40))).toBeNull()
  })

  test('every file that is cut', () => {
    for (const jpeg of [good, passes]) {
      for (let end = 0; end < jpeg.length; end++) expect(decoded(jpeg.subarray(0, end))).toBeNull()
    }
  })

  test('or gives libjpeg’s bytes, whatever is wrong with a file', async () => {
    const damage = fc.array(fc.record({ at: fc.nat(1e6), bits: fc.integer({ min: 1, max: 255 }) }), {
      minLength: 1,
      maxLength: 3,
    })
    let taken = 0
    await fc.assert(
      fc.asyncProperty(pictures, options, damage, fc.boolean(), async (picture, how, changes, header) => {
        const jpeg = await jpegOf(picture, how)
        // Half of the time within the tables, where a byte has the largest consequences.
        const reach = header ? jpeg.indexOf(Buffer.of(0xff, SCAN)) + 14 : jpeg.length
        for (const { at, bits } of changes) jpeg[at % reach] = (jpeg[at % reach] as number) ^ bits
        const pixels = decoded(jpeg)
        if (pixels === null) return
        taken++
        expect(equal(pixels, await bySharp(jpeg))).toBe(true)
      }),
      { numRuns: 300 },
    )
    expect(taken).toBeGreaterThan(10)
  })
})

/** Scans of a file with the codes before each, and where they begin. */
function scansOf(jpeg: Buffer): { at: number; bytes: Buffer }[] {
  const scans: { at: number; bytes: Buffer }[] = []
  let begin = -1
  for (let at = 2; at < jpeg.length - 2; ) {
    const marker = jpeg[at + 1] as number
    if (begin < 0 && (marker === CODES || marker === SCAN)) begin = at
    at += 2 + jpeg.readUInt16BE(at + 2)
    if (marker !== SCAN) continue
    while (jpeg[at] !== 0xff || jpeg[at + 1] === 0) at++
    scans.push({ at: begin, bytes: jpeg.subarray(begin, at) })
    begin = -1
  }
  return scans
}
