export * from './chunk-file.ts'
export * from './durable.ts'
export { tryLock } from './folder-lock.ts'
