/**
 * @file The part of the global WebAssembly that the engine uses: the declarations of Node 20 leave it out.
 */

/** A memory of WebAssembly; `buffer` is a SharedArrayBuffer when it is shared. */
export interface Memory {
  readonly buffer: ArrayBufferLike
}

/** Compiled code, which threads share. */
export type Module = object

export interface Instance {
  readonly exports: Record<string, unknown>
}

interface Api {
  instantiate: (source: unknown, imports?: object) => Promise<Instance & { instance?: Instance }>
  compile: (binary: Uint8Array) => Promise<Module>
  Instance: new (module: Module, imports: object) => Instance
  Memory: new (limits: { initial: number; maximum?: number; shared?: boolean }) => Memory
}

declare const WebAssembly: Api

export const webAssembly: Api = WebAssembly
