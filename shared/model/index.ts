export * from './architecture.ts'
export * from './initial.ts'
export * from './layout.ts'
export * from './layouts.ts'
