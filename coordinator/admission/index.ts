export * from './admit.ts'
export type { Border } from './border.ts'
export { checkSiteState, knownSite } from './manifest-checks.ts'
export { admitPayload, checkDigest, checkReceivedBytes } from './payload-checks.ts'
