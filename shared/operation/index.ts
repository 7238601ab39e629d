export { isFromHere } from './access.ts'
export { PROCESS_METRICS, watchProcess } from './process-metrics.ts'
export * from './registry.ts'
