/**
 * @file The memory of the stock back end, made one that threads can share, and caught.
 *
 * The stock module makes its memory itself and keeps it. Both are settled at the one moment the module passes by, when it is
 * instantiated: in its binary the memory is marked as shared, and from its exports the memory is taken.
 */
import { TesseraError } from '../../errors.ts'
import { type Memory, webAssembly } from './web-assembly.ts'

/** Section that declares memories, and flags of a memory: https://webassembly.github.io/spec/core/binary/modules.html */
const MEMORY_SECTION = 5
const HAS_MAXIMUM = 1
const SHARED = 2

/**
 * Runs `start` and returns the memory of the WebAssembly module that it instantiates, a shared one.
 * @throws {TesseraError} ERR_ENGINE_UNAVAILABLE if it instantiates none that exports a memory.
 */
export async function catchMemory(start: () => Promise<void>): Promise<Memory> {
  const original = webAssembly.instantiate
  const caught: Memory[] = []
  webAssembly.instantiate = async (source, imports) => {
    const result = await original.call(webAssembly, shareMemory(source), imports)
    // A compiled module gives an instance, bytes give a pair of module and instance.
    const { exports } = result.instance ?? result
    for (const value of Object.values(exports)) {
      if (value instanceof webAssembly.Memory) caught.push(value)
    }
    return result
  }
  try {
    await start()
  } finally {
    webAssembly.instantiate = original
  }
  const memory = caught.at(-1)
  if (memory === undefined) {
    throw new TesseraError('ERR_ENGINE_UNAVAILABLE', 'wasm back end must export its memory, got none')
  }
  if (!(memory.buffer instanceof SharedArrayBuffer)) {
    throw new TesseraError(
      'ERR_ENGINE_UNAVAILABLE',
      'wasm back end must have a memory with a limit, to be shared by threads, got one without',
    )
  }
  return memory
}

/**
 * Returns the binary of a module with its own memory marked as shared: one bit. Code that only loads, stores and grows needs
 * nothing else. What is no binary, or declares no memory that has a maximum (which a shared one must), comes back as it is.
 */
function shareMemory(source: unknown): unknown {
  const view = ArrayBuffer.isView(source)
  if (!view && !(source instanceof ArrayBuffer)) return source
  const binary = view
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice()
    : new Uint8Array(source).slice()
  let at = 8
  const number = (): number => {
    let [value, shift, byte] = [0, 0, 0]
    do {
      byte = binary[at++] ?? 0
      value |= (byte & 0x7f) << shift
      shift += 7
    } while (byte & 0x80)
    return value >>> 0
  }
  while (at < binary.length) {
    const section = binary[at++]
    const end = number() + at
    if (section === MEMORY_SECTION) {
      if (number() === 1 && binary[at] === HAS_MAXIMUM) binary[at] = HAS_MAXIMUM | SHARED
      return binary
    }
    at = end
  }
  return binary
}
