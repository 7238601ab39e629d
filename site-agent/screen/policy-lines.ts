/** @file A policy in words, for who signs it. */

import type { RuleInWords } from '@tessera/shared/dashboard/site-view'
import { readableBytes } from '@tessera/shared/readable'
import type { Policy } from '../policy/index.ts'
import { table } from './table.ts'

/** One line a rule. */
export function policyLines(policy: Policy): string[] {
  return table([
    ['rule', 'what it allows'],
    ...policyRules(policy).flatMap(({ name, words }) => words.map((text, i) => [i === 0 ? name : '', text])),
  ])
}

/** The rules in the order of policy.yaml. */
export function policyRules(policy: Policy): RuleInWords[] {
  const { studies, coordinators, teachers, hours, largestUpload, timeZone } = policy
  const rule = (rule: keyof Policy, name: string, ...words: string[]): RuleInWords => ({ rule, name, words })
  const open =
    hours === 'always'
      ? ['always']
      : hours.map(({ days, from, to }) => `${days.join(' ')} from ${from} to ${to}`)
  return [
    rule('studies', 'studies', studies === 'any' ? 'any' : studies.join(', ')),
    rule('coordinators', 'coordinators', ...coordinators),
    rule('teachers', 'teachers', ...(teachers === 'any' ? ['any'] : teachers)),
    rule(
      'statisticsMayLeave',
      'batch-norm statistics',
      policy.statisticsMayLeave ? 'leave with the update' : 'stay here',
    ),
    rule(
      'smallestSampleCount',
      'smallest counts told',
      `${policy.smallestSampleCount} tiles, ${policy.smallestClassCount} of a class`,
    ),
    rule(
      'judging',
      'judgements',
      policy.judging === 'counts' ? 'tell counts on tiles not trained on' : 'tell no counts',
    ),
    rule(
      'largestUpload',
      'largest upload',
      `${readableBytes(largestUpload.roundBytes)} a round`,
      `${readableBytes(largestUpload.dayBytes)} a day`,
    ),
    rule(
      'normClip',
      'norm of an update',
      policy.normClip === 'none' ? 'not clipped here' : `clipped to ${policy.normClip}`,
    ),
    rule('hours', 'hours', ...open),
    rule('timeZone', 'time zone', timeZone),
    rule(
      'approval',
      'approval',
      policy.approval === 'none' ? 'not asked for' : 'each round waits for a person here',
    ),
    rule('roundsPerDay', 'rounds a day', String(policy.roundsPerDay)),
  ]
}
