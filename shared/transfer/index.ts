export * from './chunk-list.ts'
export * from './missing.ts'
export * from './window.ts'
