/**
 * @file The header of a safetensors file, read as hostile input: every limit is checked before memory is taken for what it limits.
 *
 * Format: 8 bytes length of the header (little-endian), the header (JSON text, may end in spaces), the tensors' bytes without holes.
 * Source: https://github.com/huggingface/safetensors, README, "Format".
 */
import { TesseraError } from '../errors.ts'

/** Bytes an element takes, by dtype. */
const DTYPE_BYTES = { F32: 4, F16: 2, BF16: 2, I32: 4, I64: 8, U8: 1 } as const
export type Dtype = keyof typeof DTYPE_BYTES

/** Where a tensor lies: `begin` and `end` count from the start of the file. */
export interface TensorEntry {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

/** Largest header: B7 with its 1,800 tensors has 0.2 MB. Reading the worst 4 MiB, brackets in brackets, takes a second. */
const MAX_HEADER_BYTES = 4 * 1024 * 1024
/** Most dimensions of a tensor: a convolution has 4. */
const MAX_RANK = 8
const PREFIX_BYTES = 8

/**
 * Reads the header: entries in the order of their bytes.
 * @throws {TesseraError} ERR_MODEL_FILE if the header is not what the format asks for.
 */
export function readHeader(bytes: Uint8Array): { entries: TensorEntry[]; metadata: Record<string, string> } {
  const dataStart = headerEnd(bytes)
  const text = decodeText(bytes.subarray(PREFIX_BYTES, dataStart))
  const header = parseObject(text)
  assertUniqueKeys(text)
  const entries: TensorEntry[] = []
  let metadata: Record<string, string> = {}
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') metadata = readMetadata(value)
    else entries.push(readEntry(name, value, dataStart, bytes.length))
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let position = dataStart
  for (const { name, begin, end } of entries) {
    if (begin !== position) {
      throw broken(
        `tensor ${quoted(name)} must begin at byte ${position - dataStart} of the data, got ${begin - dataStart}`,
      )
    }
    position = end
  }
  if (position !== bytes.length) {
    throw broken(`model file must end with its last tensor at byte ${position}, got ${bytes.length} bytes`)
  }
  return { entries, metadata }
}

/** The error of every fault in a model file. */
export function broken(message: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_MODEL_FILE', message, { cause })
}

/** A name from a file, fit for a message: quoted, escaped, at most 80 characters. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 79)}…` : name)
}

function headerEnd(bytes: Uint8Array): number {
  if (bytes.length < PREFIX_BYTES) {
    throw broken(`model file must have at least ${PREFIX_BYTES} bytes, got ${bytes.length}`)
  }
  if (bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 0x03 && bytes[3] === 0x04) {
    throw broken(
      'model file must be safetensors, got a zip archive: a checkpoint of PyTorch is converted as docs/models.md says',
    )
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  const most = Math.min(MAX_HEADER_BYTES, bytes.length - PREFIX_BYTES)
  if (length > BigInt(most)) {
    throw broken(`model file's header must have at most ${most} bytes, got ${length}`)
  }
  return PREFIX_BYTES + Number(length)
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw broken("model file's header must be UTF-8 text, got other bytes", cause)
  }
}

function parseObject(text: string): object {
  let header: unknown
  try {
    header = JSON.parse(text)
  } catch (cause) {
    throw broken("model file's header must be JSON, got other text", cause)
  }
  if (!text.startsWith('{') || !isRecord(header)) {
    throw broken("model file's header must be a JSON object, got something else")
  }
  return header
}

/** JSON.parse keeps the last of two equal keys in silence; here the second is an error. `text` is valid JSON. */
function assertUniqueKeys(text: string): void {
  const open: Set<string>[] = []
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (character === '{') open.push(new Set())
    else if (character === '}') open.pop()
    else if (character === '"') {
      const start = i
      for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++
      let next = i + 1
      while (' \t\n\r'.includes(text[next] ?? '-')) next++
      if (text[next] !== ':') continue
      const key = String(JSON.parse(text.slice(start, i + 1)))
      const keys = open.at(-1)
      if (keys?.has(key))
        throw broken(`model file's header must have each key once, got ${quoted(key)} twice`)
      keys?.add(key)
    }
  }
}

function readMetadata(value: unknown): Record<string, string> {
  if (!isRecord(value)) throw broken("model file's metadata must be an object of texts, got something else")
  const texts = Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string')
  if (texts.length !== Object.keys(value).length) {
    throw broken("model file's metadata must be an object of texts, got a value of another type")
  }
  return Object.fromEntries(texts)
}

function readEntry(name: string, value: unknown, dataStart: number, fileBytes: number): TensorEntry {
  const role = `tensor ${quoted(name)}`
  if (!isRecord(value)) throw broken(`${role} must have dtype, shape and data_offsets, got something else`)
  const { dtype, shape, data_offsets: offsets, ...rest } = value
  const unknown = Object.keys(rest)[0]
  if (unknown !== undefined) {
    throw broken(`${role} must have dtype, shape and data_offsets only, got ${quoted(unknown)} too`)
  }
  if (!isDtype(dtype)) {
    const got = typeof dtype === 'string' ? quoted(dtype) : typeof dtype
    throw broken(`${role} must have a dtype of ${Object.keys(DTYPE_BYTES).join(', ')}, got ${got}`)
  }
  if (!isCounts(shape) || shape.length > MAX_RANK) {
    throw broken(`${role} must have a shape of at most ${MAX_RANK} whole numbers, got something else`)
  }
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw broken(`${role} must have two whole numbers as data_offsets, got something else`)
  }
  const [begin = 0, end = 0] = offsets
  const room = fileBytes - dataStart
  if (begin > end || end > room) {
    throw broken(`${role} must lie within the data's ${room} bytes, got ${begin} to ${end}`)
  }
  // Products above 2⁵³ lose digits but stay larger than any file.
  const wanted = shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype])
  if (wanted !== end - begin) {
    throw broken(`${role} must have ${wanted} bytes for its shape [${shape.join(', ')}], got ${end - begin}`)
  }
  return { name, dtype, shape, begin: dataStart + begin, end: dataStart + end }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isDtype(value: unknown): value is Dtype {
  return typeof value === 'string' && Object.hasOwn(DTYPE_BYTES, value)
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0)
}
