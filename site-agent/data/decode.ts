/**
 * @file One image file as `sizePx × sizePx` RGB bytes, or the reason why it is no tile. A plain JPEG or PNG is decoded where this is called,
 * anything else by sharp on libuv's threads.
 *
 * The pixels are the stored ones: an embedded colour profile and an EXIF orientation are not applied, as in torchvision's
 * `default_loader`, so that a teacher trained there sees the same numbers here.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { isMainThread } from 'node:worker_threads'
import { TesseraError } from '@tessera/shared/errors'
import sharp, { type Sharp } from 'sharp'
import { decodePlainJpeg } from './jpeg/decode.ts'
import { plainJpegSize } from './jpeg/header.ts'
import type { RawTile } from './origin.ts'
import { decodePlainPng } from './png.ts'
import type { TileMemory } from './wasm/tile-memory.ts'

/** Largest tile file: 4096² RGB pixels stored without compression are 48 MiB; a larger file is a slide. */
const MAX_TILE_BYTES = 64 * 1024 * 1024
/** Most pixels of a tile: twice the largest `sizePx` in each direction. More is a slide, or a small file made to fill the memory. */
const MAX_TILE_PIXELS = 4096 * 4096

// Each tile is read once: a cache of open files and operations would only grow. Parallelism is over tiles, not within one.
sharp.cache(false)
sharp.concurrency(1)

const OPTIONS = { limitInputPixels: MAX_TILE_PIXELS, failOn: 'error', ignoreIcc: true } as const

/** Why a file is skipped. */
export const SKIP_REASONS = [
  'ERR_DATA_TILE_UNREADABLE',
  'ERR_DATA_TILE_NOT_RGB',
  'ERR_DATA_TILE_TOO_LARGE',
] as const
export type SkipReason = (typeof SKIP_REASONS)[number]

export interface DecodedTile {
  /** `[sizePx, sizePx, 3]`, row by row. */
  readonly pixels: Uint8Array
  /** True when the file had another size. */
  readonly resized: boolean
}

/** Pixels that are in memory, scaled and cut as {@link decodeTile} does it. @throws {TesseraError} As {@link decodeTile}. */
export async function scaleRaw({ pixels, width, height }: RawTile, sizePx: number): Promise<DecodedTile> {
  assertPixels(width, height)
  // A copy: neither sharp nor a hash takes shared memory.
  const own = pixels.slice()
  if (width === sizePx && height === sizePx) return { pixels: own, resized: false }
  const image = sharp(own, { raw: { width, height, channels: 3 } })
  return { pixels: await squarePixels(scaledTo(image, sizePx), sizePx), resized: true }
}

/**
 * Decodes a PNG or JPEG file. Another size is scaled (Lanczos, a = 3) until the square fits, and cut at its centre. An alpha
 * channel is dropped when it is opaque everywhere.
 *
 * @param use Called with the tile, at once: the pixels may lie in `memory`, which is another tile's as soon as this thread waits for anything.
 * @returns What `use` returns.
 * @throws {TesseraError} ERR_DATA_TILE_UNREADABLE, ERR_DATA_TILE_TOO_LARGE, or ERR_DATA_TILE_NOT_RGB when the file is grey, CMYK, has
 *   16 bits a channel or a transparent pixel.
 */
export async function decodeTile<T>(
  file: string,
  sizePx: number,
  memory: TileMemory,
  use: (tile: DecodedTile) => T,
): Promise<T> {
  const bytes = await readTileFile(file)
  const pixels = plainJpegPixels(bytes, sizePx, memory)
  if (pixels !== null) return use({ pixels, resized: false })
  return use(await decodeBySharp(bytes, sizePx))
}

/** Pixels of a JPEG of the right size that is as most are; null: sharp judges. */
function plainJpegPixels(bytes: Buffer, sizePx: number, memory: TileMemory): Uint8Array | null {
  const size = plainJpegSize(bytes)
  if (size?.width !== sizePx || size.height !== sizePx) return null
  memory.clear()
  const decoded = decodePlainJpeg(bytes, memory)
  return decoded === null ? null : memory.bytes(decoded.at, sizePx * sizePx * 3)
}

async function decodeBySharp(bytes: Buffer, sizePx: number): Promise<DecodedTile> {
  const png = decodePlainPng(bytes, MAX_TILE_PIXELS)
  if (png?.width === sizePx && png.height === sizePx) return { pixels: png.pixels, resized: false }
  // What the decoder here has judged already is not looked at twice.
  const size = png ?? plainJpegSize(bytes) ?? (await assertTile(bytes))
  assertPixels(size.width, size.height)

  const resized = size.width !== sizePx || size.height !== sizePx
  const image =
    png === null
      ? sharp(bytes, OPTIONS).removeAlpha()
      : sharp(png.pixels, { raw: { width: png.width, height: png.height, channels: 3 } })
  return { pixels: await squarePixels(resized ? scaledTo(image, sizePx) : image, sizePx), resized }
}

function scaledTo(image: Sharp, sizePx: number): Sharp {
  return image.resize(sizePx, sizePx, {
    fit: 'cover',
    position: 'centre',
    kernel: 'lanczos3',
    // libjpeg's own halving is faster but not Lanczos.
    fastShrinkOnLoad: false,
  })
}

async function squarePixels(image: Sharp, sizePx: number): Promise<Uint8Array> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true }).catch(unreadable)
  if (info.width !== sizePx || info.height !== sizePx || info.channels !== 3) {
    throw new TesseraError(
      'ERR_DATA_TILE_NOT_RGB',
      `tile must decode to [${sizePx}, ${sizePx}, 3], got [${info.height}, ${info.width}, ${info.channels}]`,
    )
  }
  return data
}

/** Asks sharp what a file holds. @throws {TesseraError} ERR_DATA_TILE_UNREADABLE, ERR_DATA_TILE_TOO_LARGE, ERR_DATA_TILE_NOT_RGB */
async function assertTile(bytes: Buffer): Promise<{ width: number; height: number }> {
  const header = await sharp(bytes, { ...OPTIONS, limitInputPixels: false })
    .metadata()
    .catch(unreadable)
  assertPixels(header.width, header.height)
  if (header.space !== 'srgb' || header.depth !== 'uchar' || header.channels < 3) {
    throw new TesseraError(
      'ERR_DATA_TILE_NOT_RGB',
      `tile must have 8-bit RGB pixels, got ${header.space} with ${header.channels} channels of ${header.depth}`,
    )
  }
  if (header.hasAlpha) await assertOpaque(sharp(bytes, OPTIONS))
  return header
}

function assertPixels(width: number, height: number): void {
  if (width * height > MAX_TILE_PIXELS) {
    throw new TesseraError(
      'ERR_DATA_TILE_TOO_LARGE',
      `tile must have at most ${MAX_TILE_PIXELS} pixels, got ${width} x ${height}`,
    )
  }
}

/** True when `error` says that a file is no tile: skip it and count it. */
export function isSkipReason(code: string): code is SkipReason {
  return (SKIP_REASONS as readonly string[]).includes(code)
}

async function readTileFile(file: string): Promise<Buffer> {
  // A worker thread may wait for the disk; four turns through libuv's threads take longer than the decoding of a small tile.
  const bytes = isMainThread ? await readWithoutWaiting(file) : readWaiting(file)
  if (!isPngOrJpeg(bytes)) {
    // By content, not by name: sharp would also open an SVG or a PDF that is called .png.
    throw new TesseraError('ERR_DATA_TILE_UNREADABLE', 'tile must be a PNG or JPEG file, got other content')
  }
  return bytes
}

async function readWithoutWaiting(file: string): Promise<Buffer> {
  const handle = await open(file).catch(unreadable)
  try {
    assertFileSize((await handle.stat().catch(unreadable)).size)
    return await handle.readFile().catch(unreadable)
  } finally {
    await handle.close()
  }
}

function readWaiting(file: string): Buffer {
  let handle: number | null = null
  try {
    handle = openSync(file, 'r')
    assertFileSize(fstatSync(handle).size)
    return readFileSync(handle)
  } catch (thrown) {
    if (thrown instanceof TesseraError) throw thrown
    return unreadable(thrown)
  } finally {
    if (handle !== null) closeSync(handle)
  }
}

function assertFileSize(size: number): void {
  if (size > MAX_TILE_BYTES) {
    throw new TesseraError(
      'ERR_DATA_TILE_TOO_LARGE',
      `tile file must have at most ${MAX_TILE_BYTES} bytes, got ${size}`,
    )
  }
}

function isPngOrJpeg(bytes: Buffer): boolean {
  const png = bytes.length > 8 && bytes.readUInt32BE(0) === 0x89504e47
  const jpeg = bytes.length > 3 && bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff
  return png || jpeg
}

async function assertOpaque(image: Sharp): Promise<void> {
  const alpha = await image.extractChannel('alpha').raw().toBuffer().catch(unreadable)
  if (alpha.some((value) => value !== 255)) {
    throw new TesseraError('ERR_DATA_TILE_NOT_RGB', 'tile must be opaque, got transparent pixels')
  }
}

// The decoder's text may hold a path of the site's data: it stays in `cause`.
function unreadable(cause: unknown): never {
  throw new TesseraError('ERR_DATA_TILE_UNREADABLE', 'tile must decode without errors, got a broken file', {
    cause,
  })
}
