/** @file Is it enough? The judgements of a preflight as pure functions of what was measured, each with its threshold's reason. */
import { elementCount, studentLayout } from '@tessera/shared/model'
import type { Study } from '@tessera/shared/protocol'
import { type Finding, fail, ok, warn } from './finding.ts'

/**
 * What a study keeps on the disk, in student sizes: the student's and the teacher's file, and for each of three states (two kept, one held) velocities,
 * a momentum teacher and its head.
 */
const STUDENT_SIZES = 12
/** Beside models: the audit log of a long study is 1 MB a thousand frames. */
const ROOM_BYTES = 200e6

/**
 * Bytes that a study may take in the site's folder. Features of an ONNX teacher's tiles come on top: they depend on its width.
 * @param tiles How many the folder has.
 * @param moduleNumbers Of what the method trains beside the student.
 */
export function diskNeed(study: Study, tiles: number, moduleNumbers: number): number {
  const student = 4 * studentLayout(study).tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0)
  // Modules and their velocities.
  const kept = keptNumbers(study.method, tiles) + 2 * moduleNumbers
  return STUDENT_SIZES * student + 3 * 4 * kept + ROOM_BYTES
}

/** What a method keeps in a state besides networks and modules. */
function keptNumbers(method: Study['method'], tiles: number): number {
  if (method.name === 'crd') return 2 * tiles * method.featureDim
  return method.name === 'moma' && method.negatives === 'queue' ? method.queueSize * method.featureDim : 0
}

export function judgeDisk(freeBytes: number, neededBytes: number): Finding {
  const text = `${gigabytes(freeBytes)} free in the site's folder; a study takes up to ${gigabytes(neededBytes)}`
  if (freeBytes < neededBytes) return fail('disk', text, 'Make room, or put --dir on another disk.')
  // Twice: a second study, and a log that nobody looks after.
  if (freeBytes < 2 * neededBytes) return warn('disk', text, 'Make room before a second study.')
  return ok('disk', text)
}

/** Below it the system begins to end processes: what Linux itself wants to have at hand on a machine of 8 GB and more. */
const LEAST_FREE_BYTES = 256e6
/** Room for one more of the largest batch's activations. */
const COMFORTABLE_FREE_BYTES = 1e9

/** @param usedBytes What this process has taken, the training step included, when one was made. */
export function judgeMemory(freeBytes: number, usedBytes: number): Finding {
  const text = `${gigabytes(freeBytes)} free, with ${gigabytes(usedBytes)} in use by this check`
  const advice = 'Close other programs, or ask the operator for a smaller batch.'
  if (freeBytes < LEAST_FREE_BYTES) return fail('memory', text, advice)
  return freeBytes < COMFORTABLE_FREE_BYTES ? warn('memory', text, advice) : ok('memory', text)
}

/** A clock that is kept by NTP is off by milliseconds; half a minute means that none keeps it. */
const CLOCK_WARN_MS = 30_000
/** Beyond it the policy's hours and the audit log's times mislead whoever reads them. */
const CLOCK_FAIL_MS = 10 * 60_000

/** @param offMs This machine's clock minus the coordinator's, from its signed welcome. @param doubtMs Half of the time the question took. */
export function judgeClock(offMs: number, doubtMs: number): Finding {
  const seconds = (Math.abs(offMs) / 1000).toFixed(1)
  const text = `${seconds} s ${offMs < 0 ? 'behind' : 'ahead of'} the coordinator's`
  const advice = 'Let the clock be set from the network (NTP), or tell the operator to look at theirs.'
  const certainMs = Math.max(0, Math.abs(offMs) - doubtMs)
  if (certainMs > CLOCK_FAIL_MS) return fail('clock', text, advice)
  return certainMs > CLOCK_WARN_MS ? warn('clock', text, advice) : ok('clock', text)
}

/** A round that takes longer than its deadline is work in vain; one that takes half of it has no room for an upload on a bad day. */
export function judgeRound(secondsPerRound: number, deadlineMs: number, text: string): Finding {
  const deadline = deadlineMs / 1000
  const advice =
    'Install the native engine (tessera engine install), or ask the operator for a later deadline.'
  if (secondsPerRound > deadline) return fail('round', text, advice)
  return secondsPerRound > deadline / 2 ? warn('round', text, advice) : ok('round', text)
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`
}
