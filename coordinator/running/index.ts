export type { SiteProgress, StudyProgress } from './progress.ts'
export { createQueue } from './queue.ts'
export type { OperatorWord, Peer, StudyRun } from './study-context.ts'
export { createStudyRun } from './study-run.ts'
