/** @file A policy in words, for who signs it. */

import { readableBytes } from '@tessera/shared/readable'
import type { Policy } from '../policy/index.ts'
import { table } from './table.ts'

/** One line a rule. */
export function policyLines(policy: Policy): string[] {
  const { studies, coordinators, teachers, hours, largestUpload, timeZone } = policy
  const counts = `${policy.smallestSampleCount} tiles, ${policy.smallestClassCount} of a class`
  const open =
    hours === 'always'
      ? ['always']
      : hours.map(({ days, from, to }) => `${days.join(' ')} from ${from} to ${to}`)
  return table([
    ['rule', 'what it allows'],
    ['studies', studies === 'any' ? 'any' : studies.join(', ')],
    ...coordinators.map((key, i) => [i === 0 ? 'coordinators' : '', key]),
    ...(teachers === 'any' ? ['any'] : teachers).map((hash, i) => [i === 0 ? 'teachers' : '', hash]),
    ['batch-norm statistics', policy.statisticsMayLeave ? 'leave with the update' : 'stay here'],
    ['smallest counts told', counts],
    ['judgements', policy.judging === 'counts' ? 'tell counts on tiles not trained on' : 'tell no counts'],
    ['largest upload', `${readableBytes(largestUpload.roundBytes)} a round`],
    ['', `${readableBytes(largestUpload.dayBytes)} a day`],
    ['norm of an update', policy.normClip === 'none' ? 'not clipped here' : `clipped to ${policy.normClip}`],
    ...open.map((text, i) => [i === 0 ? 'hours' : '', text]),
    ['time zone', timeZone],
    ['approval', policy.approval === 'none' ? 'not asked for' : 'each round waits for a person here'],
    ['rounds a day', String(policy.roundsPerDay)],
  ])
}
