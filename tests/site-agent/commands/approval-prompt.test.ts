import { PassThrough } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { approvalPrompt } from '../../../site-agent/commands/approval-prompt.ts'
import { isApproved } from '../../../site-agent/policy/index.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const waiting = (round: number, code = 'ERR_POLICY_APPROVAL') =>
  ({ kind: 'waiting', round, code, reason: 'as the test wants it' }) as const

async function setup() {
  const dir = await temporaryFolder()
  const input = new PassThrough()
  const notes: string[] = []
  const prompt = approvalPrompt(input, (text) => notes.push(text), { dir, study: 'tiny' })
  onTestFinished(() => prompt.close())
  return { dir, input, notes, prompt }
}

describe('approvalPrompt()', () => {
  test('takes yes for the round that waits', async () => {
    const { dir, input, notes, prompt } = await setup()
    prompt.see(waiting(3))
    expect(notes).toEqual(['Type yes to send the update of round 3.'])
    input.write('yes\n')
    await expect.poll(() => notes.at(-1)).toBe('round 3 is approved')
    expect(isApproved(dir, 'tiny', 3)).toBe(true)
  })

  test('takes nothing else for a yes, and no yes to what does not ask', async () => {
    const { dir, input, notes, prompt } = await setup()
    input.write('yes\n')
    prompt.see(waiting(1, 'ERR_POLICY_PAUSED'))
    input.write('yes\n')
    prompt.see(waiting(1))
    input.write('y\nno\nyes please\n')
    prompt.see({ kind: 'declined', round: 1, code: 'ERR_ROUND_CLOSED' })
    input.write('yes\n')
    prompt.see(waiting(2))
    input.write('YES\n')
    await expect.poll(() => notes.at(-1)).toBe('round 2 is approved')
    expect(isApproved(dir, 'tiny', 1)).toBe(false)
  })
})
