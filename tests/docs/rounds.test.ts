import { MAX_ATTEMPTS } from '@tessera/coordinator/rounds'
import { studyPhase } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import { page } from '../support/markdown.ts'

const text = page('docs/rounds.md')
describe('docs/rounds.md', () => {
  test('draws every phase, and names the limit of attempts as it is', () => {
    for (const phase of studyPhase.options) expect(text).toMatch(new RegExp(`(--> |  )${phase}\\b`))
    expect(text).toContain(`${MAX_ATTEMPTS} times running`)
  })
})
