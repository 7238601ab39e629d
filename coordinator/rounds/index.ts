export * from './decide.ts'
export * from './events.ts'
export * from './evolve.ts'
export * from './state.ts'
