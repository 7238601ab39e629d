export * from './create.ts'
export * from './export.ts'
export * from './replay.ts'
export * from './rules.ts'
