export { type AgentOptions, type AgentOutcome, runAgent } from './session/agent.ts'
export { type EnrollOptions, enroll } from './session/enroll.ts'
export type { AgentEvent } from './session/events.ts'
export type { TrainerFactory } from './session/train.ts'
