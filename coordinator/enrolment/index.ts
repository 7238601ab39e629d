export * from './enrol.ts'
export * from './invite.ts'
export * from './registry.ts'
