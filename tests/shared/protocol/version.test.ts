import { readFileSync } from 'node:fs'
import { assertWorksTogether, TESSERA_VERSION } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'

test.each(['coordinator', 'site-agent', 'shared', '.'])('package.json of %s has this version', (folder) => {
  const text = readFileSync(new URL(`../../../${folder}/package.json`, import.meta.url), 'utf8')
  expect((JSON.parse(text) as { version: string }).version).toBe(TESSERA_VERSION)
})

describe('assertWorksTogether()', () => {
  test.each([
    ['1.4.0', '1.4.9'],
    ['1.3.7', '1.4.0'],
    ['1.5.0-rc.1', '1.4.0'],
  ])('an agent %s works with a coordinator %s', (agent, coordinator) => {
    expect(() => assertWorksTogether(agent, coordinator)).not.toThrow()
  })
  test.each([
    ['1.2.9', '1.4.0', 'upgrade the agent'],
    ['1.6.0', '1.4.0', 'upgrade the coordinator'],
    ['1.4.0', '2.4.0', 'upgrade the agent'],
    ['2.0.0', '1.9.0', 'upgrade the coordinator'],
  ])('an agent %s does not work with a coordinator %s: %s', (agent, coordinator, what) => {
    expect(() => assertWorksTogether(agent, coordinator)).toThrow(
      expect.objectContaining({
        code: 'ERR_VERSION_SKEW',
        message: `agent must be at most one minor version from the coordinator's ${coordinator}, got ${agent}: ${what}`,
      }),
    )
  })
  test.each(['', '1', '1.2', 'one.2.3', '1.2.3\u001b[2J', '1.2.3 '])('%j is no version', (agent) => {
    expect(() => assertWorksTogether(agent, '1.2.3')).toThrow(
      'agent must be a version of Tessera, got another text: upgrade the agent',
    )
  })
})
