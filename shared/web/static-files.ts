/**
 * @file A page's files, out of memory: what is asked for is looked up by its address and never opened, so no address can lead out of the folder. Compressed once.
 */
import { readdir, readFile } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress } from 'node:zlib'
import type { Context, MiddlewareHandler } from 'hono'
import { TesseraError } from '../errors.ts'
import { sha256Hex } from '../security/index.ts'

/** A page is some hundred kilobytes; this is for a folder that is no page's. */
const MAX_FOLDER_BYTES = 32 * 1024 * 1024
/** By extension; what is not here is not part of a page. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
}
/** Compressed already. */
const PACKED: ReadonlySet<string> = new Set(['.png', '.woff2'])
/** Vite puts a hash of the content into the name: such a file never changes. */
const HASHED = /[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$/

interface StaticFile {
  readonly type: string
  readonly etag: string
  readonly cache: string
  readonly whole: Uint8Array
  /** Brotli. */
  readonly packed: Uint8Array | null
}

export type StaticFiles = ReadonlyMap<string, StaticFile>

/** Reads a folder. @throws {TesseraError} ERR_CONFIG_INVALID if it is too large for a page's. */
export async function readStaticFiles(folder: string): Promise<StaticFiles> {
  const files = new Map<string, StaticFile>()
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const extension = extname(entry.name)
    const type = TYPES[extension]
    if (!entry.isFile() || type === undefined) continue
    const path = join(entry.parentPath, entry.name)
    const whole = await readFile(path)
    bytes += whole.byteLength
    if (bytes > MAX_FOLDER_BYTES) {
      throw new TesseraError(
        'ERR_CONFIG_INVALID',
        `a page's folder must have at most ${MAX_FOLDER_BYTES} bytes, got more`,
      )
    }
    files.set(relative(folder, path).split(sep).join('/'), {
      type,
      etag: `"${sha256Hex(whole).slice(0, 32)}"`,
      cache: HASHED.test(entry.name) ? 'public, max-age=31536000, immutable' : 'no-cache',
      whole,
      packed: PACKED.has(extension) ? null : await promisify(brotliCompress)(whole),
    })
  }
  return files
}

/** Answers GET below `base` (`/dashboard/`); the folder itself is its `index.html`. What is not there is left to others. */
export function serveStatic(files: StaticFiles, base: string): MiddlewareHandler {
  return async (c, next) => {
    const isRead = c.req.method === 'GET' || c.req.method === 'HEAD'
    const file = isRead && c.req.path.startsWith(base) ? files.get(nameOf(c.req.path, base)) : undefined
    if (file === undefined) return next()
    return answer(c, file)
  }
}

function nameOf(path: string, base: string): string {
  const name = path.slice(base.length)
  return name === '' ? 'index.html' : name
}

function answer(c: Context, { type, etag, cache, whole, packed }: StaticFile): Response {
  const headers = { ETag: etag, 'Cache-Control': cache, Vary: 'Accept-Encoding' }
  if (c.req.header('if-none-match') === etag) return c.body(null, 304, headers)
  const takesPacked = /\bbr\b/.test(c.req.header('accept-encoding') ?? '')
  const body = takesPacked && packed !== null ? packed : whole
  const encoding = body === packed ? { 'Content-Encoding': 'br' } : {}
  return c.body(Uint8Array.from(body), 200, { ...headers, ...encoding, 'Content-Type': type })
}
