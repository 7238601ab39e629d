import { fingerprint } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { parsePolicy } from '../../site-agent/policy/policy.ts'
import { policyText } from '../../site-agent/policy/policy-text.ts'
import { page, tableRows } from '../support/markdown.ts'
import { KEY } from '../support/site-policy.ts'

describe('docs/site.md', () => {
  const policy = parsePolicy(policyText({ site: 'north', coordinator: fingerprint(KEY), timeZone: 'UTC' }))
  const rows = tableRows(page('docs/site.md'), '## 3. Read the policy, and sign it')

  test('has every rule of a policy, in its order', () => {
    const named = rows.flatMap(([rule = '']) => [...rule.matchAll(/`(\w+)`/g)].map(([, name]) => name))
    expect(named).toEqual(Object.keys(policy).filter((rule) => rule !== 'version' && rule !== 'site'))
  })
  test.each(
    (
      ['smallestSampleCount', 'smallestClassCount', 'roundsPerDay', 'statisticsMayLeave', 'normClip'] as const
    ).map((rule) => [rule, String(policy[rule])]),
  )('has the default of %s as it is written: %s', (rule, value) => {
    expect(rows.find(([name]) => name === `\`${rule}\``)?.[1]).toBe(value)
  })
})
