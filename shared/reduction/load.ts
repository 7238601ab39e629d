/** @file The compiled kernels, and an instance of them in a memory of its own. */
import { readFileSync } from 'node:fs'

/** A memory of WebAssembly. */
export interface Memory {
  readonly buffer: ArrayBuffer
}

/** The part of the global WebAssembly that is used here: the declarations of Node 20 leave it out. */
declare const WebAssembly: {
  Module: new (binary: Uint8Array) => object
  Instance: new (module: object, imports: object) => { readonly exports: Record<string, unknown> }
  Memory: new (limits: { initial: number }) => Memory
}

/** Addresses and sizes are in bytes, counts in elements. assembly/ says what each does. */
export interface Kernels {
  weightedSum(
    rows: number,
    stride: number,
    rowCount: number,
    coefficients: number,
    sum: number,
    count: number,
    first: number,
  ): void
  quotient(sum: number, divisor: number, y: number, count: number): void
  scale(x: number, factor: number, count: number): void
  sumOfSquares(x: number, count: number): number
  trimmedMean(
    rows: number,
    stride: number,
    rowCount: number,
    network: number,
    pairs: number,
    lines: number,
    trim: number,
    y: number,
    count: number,
  ): void
  widenBrain(x: number, y: number, count: number): void
  widenBlocks(x: number, y: number, count: number, block: number): void
}

const PAGE_BYTES = 65_536
let module: object | null = null

/** Gives kernels in a fresh memory of at least `bytes`. */
export function startKernels(bytes: number): { kernels: Kernels; memory: Memory } {
  module ??= new WebAssembly.Module(readFileSync(new URL('kernels.wasm', import.meta.url)))
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE_BYTES) })
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  return { kernels: exports as unknown as Kernels, memory }
}
