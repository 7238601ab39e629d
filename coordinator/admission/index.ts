export * from './admit.ts'
export type { Border } from './border.ts'
export * from './manifest-checks.ts'
export * from './payload-checks.ts'
