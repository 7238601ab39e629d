/** @file What student and teacher have of each stage: channels, maps. */
import { TesseraError } from '@tessera/shared/errors'

/** Channels of the maps of each stage. */
export interface StageWidths {
  readonly student: readonly number[]
  readonly teacher: readonly number[]
}

/** What there is of a stage. @param stage From 1. @throws {TesseraError} ERR_INTERNAL if there is no such stage. */
export function atStage<T>(ofStages: readonly T[], stage: number): T {
  const found = ofStages[stage - 1]
  if (found !== undefined) return found
  throw new TesseraError('ERR_INTERNAL', `internal: network must have stage ${stage}, got ${ofStages.length}`)
}

/** What the two have of each stage, side by side. */
export function pairedStages<T>(
  student: readonly T[],
  teacher: readonly T[],
): (readonly [stage: number, T, T])[] {
  return student.map((own, i) => [i + 1, own, atStage(teacher, i + 1)] as const)
}
