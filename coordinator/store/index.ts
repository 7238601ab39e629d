export type { ChunkedFile } from './chunked-file.ts'
export * from './content-store.ts'
export * from './event-log.ts'
export * from './store.ts'
