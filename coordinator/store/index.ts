export * from './content-store.ts'
export { writeDurably } from './durable.ts'
export * from './event-log.ts'
export * from './store.ts'
