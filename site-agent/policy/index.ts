export { clipDelta } from './clip.ts'
export {
  approve,
  hasLeft,
  isApproved,
  isPaused,
  leave,
  leftStudy,
  pause,
  pausedSince,
  rejoin,
  resume,
} from './flags.ts'
export { createGuard, type Guard, type RoundStep } from './guard.ts'
export { dayIn, localDay } from './hours.ts'
export { createPermit, type Permit } from './permit.ts'
export type { Policy } from './policy.ts'
export {
  hashOfPolicy,
  loadPolicy,
  parseSitePolicy,
  readPolicy,
  readPolicyText,
  type SitePolicy,
  signPolicy,
  signPolicyText,
  writeDefaultPolicy,
} from './policy-file.ts'
export type { ToldCounts } from './report.ts'
export { createTotals } from './totals.ts'
