export { closesAtMs, limitMs, type Signs } from './deadline.ts'
export * from './decide.ts'
export * from './events.ts'
export * from './evolve.ts'
export * from './history.ts'
export {
  bestStudent,
  type JudgedStudent,
  pooledCounts,
  type ScoredStudent,
  type SiteWord,
} from './judging.ts'
export { hasDelivered, lateRound, staleness, weightOf } from './late.ts'
export { alarms } from './left-out.ts'
export * from './participation.ts'
export * from './state.ts'
