export { type CombinedBlock, type CombineOptions, combineUpdates } from './combine.ts'
export * from './compute-student.ts'
