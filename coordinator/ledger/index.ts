export * from './export.ts'
export * from './prune.ts'
export { type LedgerSource, openLedgers } from './source.ts'
export * from './verify.ts'
