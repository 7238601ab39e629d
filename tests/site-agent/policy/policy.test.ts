import { fingerprint } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { parsePolicy } from '../../../site-agent/policy/policy.ts'
import { policyText } from '../../../site-agent/policy/policy-text.ts'
import { aPolicy, KEY } from '../../support/site-policy.ts'

const TEXT = policyText({ site: 'north', coordinator: fingerprint(KEY), timeZone: 'Europe/Berlin' })

describe('policyText()', () => {
  test('is valid, and allows the kit’s coordinator only', () => {
    expect(parsePolicy(TEXT)).toMatchObject({
      site: 'north',
      studies: 'any',
      coordinators: [fingerprint(KEY)],
      statisticsMayLeave: true,
      smallestSampleCount: 10,
      timeZone: 'Europe/Berlin',
      hours: 'always',
      approval: 'none',
    })
  })
  test('has a comment above each rule', () => {
    const lines = TEXT.split('\n')
    const rules = Object.keys(parsePolicy(TEXT)).filter((rule) => rule !== 'version' && rule !== 'site')
    for (const rule of rules) {
      const at = lines.findIndex((line) => line.startsWith(`${rule}:`))
      expect(lines[at - 1], rule).toMatch(/^#/)
    }
  })
  test.each([
    ['studies', '#   studies: [colon, lymph-node]', 'studies: any'],
    ['teachers', '#   teachers: ["9f86', 'teachers: any'],
  ])('its example of %s is valid where it stands', (_, example, given) => {
    const line = TEXT.split('\n').find((one) => one.startsWith(example))
    expect(line).toBeDefined()
    const changed = TEXT.replace(`\n${given}`, `\n${line?.replace(/^#\s+/, '')}`)
    expect(changed).not.toBe(TEXT)
    parsePolicy(changed)
  })
  test('its example of hours is valid where it stands', () => {
    const windows = [...TEXT.matchAll(/^#\s+(- \{ days.*)$/gm)].map(([, line]) => `  ${line}`)
    expect(windows).toHaveLength(2)
    const { hours } = parsePolicy(TEXT.replace('hours: always', `hours:\n${windows.join('\n')}`))
    expect(hours).toHaveLength(2)
  })
})

describe('parsePolicy()', () => {
  const without = (rule: string) =>
    JSON.stringify(Object.fromEntries(Object.entries(aPolicy()).filter(([name]) => name !== rule)))
  const changed = (changes: object) => JSON.stringify({ ...aPolicy(), ...changes })
  test.each([
    ['no YAML', 'a: [', 'be YAML, got a fault in line 1'],
    ['two of a rule', `${TEXT}\nstudies: [x]\n`, 'be YAML'],
    ['two documents', `${TEXT}\n---\nversion: 1\n`, 'be YAML'],
    ['an alias', `a: &a [1]\nb: [*a, *a]\n`, 'be YAML'],
    ['a list', '- 1\n', 'have its fields right'],
    ['nothing', '', 'have its fields right'],
    ['a rule that nobody knows', changed({ statisticMayLeave: false }), 'have statisticMayLeave right'],
    [
      'a misspelt field of a rule',
      changed({ largestUpload: { roundBytes: 1, daybytes: 1 } }),
      'have largestUpload.',
    ],
    ['no rule on hours', without('hours'), 'have hours right'],
    [
      '`no` for false',
      TEXT.replace('statisticsMayLeave: true', 'statisticsMayLeave: no'),
      'have statisticsMayLeave right',
    ],
    ['an empty list of studies', changed({ studies: [] }), 'have studies right'],
    ['a study with a path in its name', changed({ studies: ['../x'] }), 'have studies.0 right'],
    ['a teacher that is no hash', changed({ teachers: ['x'] }), 'have teachers.0 right'],
    ['a key where a fingerprint belongs', changed({ coordinators: [KEY] }), 'have coordinators.0 right'],
    ['a time zone that is none', changed({ timeZone: 'Middle/Earth' }), 'have timeZone right'],
    [
      'a time that is none',
      changed({ hours: [{ days: ['mon'], from: '25:00', to: '26:00' }] }),
      'have hours.0.from right',
    ],
    [
      'a window without length',
      changed({ hours: [{ days: ['mon'], from: '08:00', to: '08:00' }] }),
      'have hours.0 right',
    ],
    ['a clip of 0', changed({ normClip: 0 }), 'have normClip right'],
    ['an infinite clip', TEXT.replace('normClip: none', 'normClip: .inf'), 'have normClip right'],
    ['a negative limit', changed({ roundsPerDay: -1 }), 'have roundsPerDay right'],
    ['a file of a megabyte', `# ${'x'.repeat(1 << 20)}`, 'have at most 65536 bytes'],
  ])('refuses %s', (_, text, sentence) => {
    expect(() => parsePolicy(text)).toThrow(
      expect.objectContaining({
        code: 'ERR_POLICY_FILE',
        message: expect.stringContaining(`policy.yaml must ${sentence}`),
      }),
    )
  })
})
