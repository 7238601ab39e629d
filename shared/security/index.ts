export * from './digest.ts'
export * from './keys.ts'
export * from './kit.ts'
export * from './sign.ts'
