/**
 * @file The kernels of this thread (tiles.wasm) and their memory, which is handed out anew for each tile. Nothing in it outlives a tile: what
 * is to stay is copied out before this thread does anything else.
 */
import { readFileSync } from 'node:fs'

/** What tiles.wasm exports; arguments and results (a truth is 0 or 1) are told where each kernel is written, in assembly/. */
export interface TileKernels {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  heapBase(): number
  setFactors(from: number, to: number): number
  buildHuffman(counts: number, table: number, mean: boolean, known: boolean): number
  setComponent(
    index: number,
    across: number,
    down: number,
    blocksAcross: number,
    blocksDown: number,
    usedAcross: number,
    usedDown: number,
    plane: number,
    coefficients: number,
    quantiser: number,
    dcTable: number,
    acTable: number,
  ): void
  decodeScan(
    from: number,
    end: number,
    scratch: number,
    members: number,
    unitsAcross: number,
    unitsDown: number,
    interval: number,
    pass: number,
    first: number,
    last: number,
    shift: number,
  ): number
  reconstruct(): number
  writeRgb(to: number, width: number, height: number, scratch: number): void
  countLevels(counts: number, from: number, pixels: number): void
  applyTable(to: number, from: number, pixels: number, table: number): void
  sumGrey(from: number, pixels: number, table: number): number
  saturate(to: number, from: number, pixels: number, factor: number): void
  sharpen(to: number, from: number, stride: number, rows: number, factor: number): void
  warp(
    to: number,
    from: number,
    size: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    f: number,
    cubic: boolean,
    fill: number,
  ): void
  orient(to: number, from: number, size: number, right: number, down: number): void
  normalise(
    to: number,
    from: number,
    size: number,
    rows: number,
    right: number,
    down: number,
    table: number,
  ): void
  jitter(
    to: number,
    from: number,
    size: number,
    rows: number,
    right: number,
    down: number,
    densities: number,
    transmitted: number,
    change: number,
  ): void
}

/** The declarations of Node 20 leave WebAssembly out. */
declare const WebAssembly: {
  Module: new (binary: Uint8Array) => object
  Instance: new (module: object, imports: object) => { readonly exports: unknown }
}

const PAGE_BYTES = 65_536
/** What a kernel may write past the end of its result. */
const BEYOND_BYTES = 64

export interface TileMemory {
  readonly kernels: TileKernels
  /** Forgets what was handed out. */
  clear(): void
  /** Address of `bytes` bytes with anything in them. @throws {RangeError} If the memory has no room. */
  take(bytes: number): number
  /** True when the bytes are a part of this memory. */
  holds(bytes: Uint8Array): boolean
  /** What is at an address, until the next {@link take}. */
  bytes(at: number, length: number): Uint8Array
  floats(at: number, length: number): Float32Array
  doubles(at: number, length: number): Float64Array
}

/** Builds a memory with its kernels. */
export function createTileMemory(): TileMemory {
  const module = new WebAssembly.Module(readFileSync(new URL('tiles.wasm', import.meta.url)))
  const kernels = new WebAssembly.Instance(module, {}).exports as TileKernels
  const base = Math.ceil(kernels.heapBase() / 16) * 16
  let end = base
  return {
    kernels,
    clear() {
      end = base
    },
    take(bytes) {
      const at = end
      end += Math.ceil((bytes + BEYOND_BYTES) / 16) * 16
      const missing = end - kernels.memory.buffer.byteLength
      if (missing > 0) kernels.memory.grow(Math.ceil(missing / PAGE_BYTES))
      return at
    },
    holds: ({ buffer }) => buffer === kernels.memory.buffer,
    bytes: (at, length) => new Uint8Array(kernels.memory.buffer, at, length),
    floats: (at, length) => new Float32Array(kernels.memory.buffer, at, length),
    doubles: (at, length) => new Float64Array(kernels.memory.buffer, at, length),
  }
}

/** The memory of the thread that asks: its code is compiled when the first tile needs it. */
export function threadMemory(): TileMemory {
  ofThread ??= createTileMemory()
  return ofThread
}

let ofThread: TileMemory | null = null
