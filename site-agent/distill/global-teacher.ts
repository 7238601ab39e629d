/**
 * @file The global momentum teacher:  θ_t = m·θ_{t−1} + (1 − m)·s_t, once a round.
 *
 * θ_0: the study's teacher · s_t: the student that round t has published · m: of the method, here of a round. What a momentum teacher is to the
 * student of one place (He et al., CVPR 2020, equation 2, https://arxiv.org/abs/1911.05722) it is here to the federation's: the same at all sites,
 * for each computes it from the published students, whose hashes it has verified. Running statistics are averaged with the rest: no site's own
 * tiles may move what all sites have. In plain arithmetic, so that it is the same on every engine too.
 */
import { TesseraError } from '@tessera/shared/errors'
import type { Weights } from '@tessera/shared/model'
import type { MomentumPair } from './momentum-update.ts'

/** What a method holds of such a teacher. */
export interface GlobalTeacher {
  /** Names in the method's tensors, and of the published student's tensor that each follows. */
  readonly pairs: readonly MomentumPair[]
  readonly momentum: number
}

/**
 * Returns θ after one more round, the tensors of `pairs` alone.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH if a tensor is missing or of another size.
 */
export function averagedWith(
  teacher: ReadonlyMap<string, Float32Array>,
  student: Weights,
  { pairs, momentum }: GlobalTeacher,
): Map<string, Float32Array> {
  return new Map(
    pairs.map((pair) => {
      const [from, to] = [valuesOf(teacher, pair.teacher), valuesOf(student, pair.student)]
      if (from.length !== to.length) {
        throw new TesseraError(
          'ERR_LAYOUT_MISMATCH',
          `${pair.student} must have ${from.length} numbers as the teacher's, got ${to.length}`,
        )
      }
      // In float64, rounded once.
      return [pair.teacher, from.map((value, i) => momentum * value + (1 - momentum) * (to[i] as number))]
    }),
  )
}

export interface MissedRounds {
  /** Rounds whose students θ has in it. */
  readonly after: number
  readonly until: number
  /** Gives the student that a round has published. */
  readonly studentAfter: (round: number) => Promise<Weights> | Weights
}

/** Returns θ after all the rounds that it has missed: one student is in memory at a time. */
export async function averagedUpTo(
  teacher: ReadonlyMap<string, Float32Array>,
  { after, until, studentAfter }: MissedRounds,
  settings: GlobalTeacher,
): Promise<ReadonlyMap<string, Float32Array>> {
  let moved = teacher
  for (let round = after + 1; round <= until; round++)
    moved = averagedWith(moved, await studentAfter(round), settings)
  return moved
}

function valuesOf(tensors: ReadonlyMap<string, Float32Array>, name: string): Float32Array {
  const values = tensors.get(name)
  if (values) return values
  throw new TesseraError('ERR_LAYOUT_MISMATCH', `weights must have ${name}, got none of that name`)
}
