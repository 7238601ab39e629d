export type { ContentStore, Incoming } from './content-store.ts'
export { writeDurably } from './durable.ts'
export * from './store.ts'
