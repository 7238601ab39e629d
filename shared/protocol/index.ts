export * from './limits.ts'
export * from './messages.ts'
export * from './signed.ts'
export * from './study.ts'
