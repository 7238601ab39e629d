import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { hasLeft } from '../../site-agent/policy/index.ts'
import { startBrowser, type TestBrowser, type TestPage } from '../support/browser.ts'
import { startProcess } from '../support/coordinator-process.ts'
import { type SmallFederation, smallFederation } from '../support/federation.ts'
import { tesseraProcess } from '../support/tessera-process.ts'
import { UNTAUGHT_STUDY, watchedAgent } from '../support/watched-agent.ts'
import type { WatchedProcess } from '../support/watched-process.ts'

/** More rounds than a test sees. */
const STUDY = { ...UNTAUGHT_STUDY, training: { ...UNTAUGHT_STUDY.training, rounds: 50 } }

/** Three processes and a browser on a busy machine; it ends what hangs. */
const PATIENCE_MS = 240_000

let browser: TestBrowser
beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(async () => await browser.close())

interface Journey extends TestPage {
  readonly federation: SmallFederation
  readonly agent: WatchedProcess
  readonly coordinator: Awaited<ReturnType<typeof startProcess>>
}

/** Coordinator and site `north` as processes, the others' agents here; north's page, signed in with a link from the command line. */
async function begin(): Promise<Journey> {
  const federation = await smallFederation(STUDY)
  const coordinator = await startProcess(federation.dir)
  const dir = federation.siteDir('north')
  const where = ['--dir', dir, '--data', federation.tilesDir('north'), '--coordinator', coordinator.url]
  const agent = tesseraProcess('site', 'start', '--study', STUDY.id, ...where, '--progress-json')
  for (const site of ['south', 'west'] as const) watchedAgent(federation, site, coordinator.url)
  await expect.poll(() => agent.lines.some((line) => line.includes('"dashboard"'))).toBe(true)
  const links = tesseraProcess('site', 'dashboard', '--dir', dir)
  await links.done
  const shown = await browser.open(links.lines[0] ?? '')
  onTestFinished(() => shown.close())
  return { ...shown, federation, agent, coordinator }
}

describe('a site’s person, with a real round running', () => {
  test(
    'sees what leaves, changes the policy, approves, outlives a killed coordinator, pauses and leaves',
    async () => {
      const { page, federation, agent, coordinator, complaints } = await begin()
      const dialog = page.getByRole('dialog')
      await page.getByText('Log is whole').waitFor()
      await page.getByRole('row', { name: /1 small/ }).waitFor()

      // My policy: from the next round on, nothing leaves without my yes.
      await page.getByRole('link', { name: 'Read and edit' }).click()
      const editor = page.getByRole('textbox', { name: 'policy.yaml' })
      await editor.fill((await editor.inputValue()).replace('\napproval: none', '\napproval: each-round'))
      await page.getByText('changed', { exact: true }).waitFor()
      await page.getByRole('button', { name: 'Sign', exact: true }).click()
      await dialog.getByRole('button', { name: 'Sign' }).click()
      await page.getByText('The policy is signed.').waitFor()

      await page.getByRole('link', { name: 'Overview' }).click()
      await page.getByRole('heading', { level: 1, name: /waits for your approval/ }).waitFor()
      await page.getByRole('button', { name: 'See what would leave' }).click()
      await dialog.getByText(/tensors, changes only/).waitFor()
      const title = (await dialog.getByRole('heading', { level: 2 }).textContent()) ?? ''
      const round = Number(/round (\d+)/.exec(title)?.[1])
      await dialog.getByRole('button', { name: 'Approve this round' }).click()
      // It leaves, and the coordinator says that it has it.
      await page.getByRole('row', { name: new RegExp(`^${round} small .*202`) }).waitFor()
      await page
        .getByRole('heading', { level: 1, name: `Round ${round + 1} waits for your approval` })
        .waitFor()

      // What has left, to the tensor.
      await page.getByRole('link', { name: 'What has left' }).click()
      await page.getByLabel('Kind', { exact: true }).selectOption('upload:chunk')
      await page
        .getByRole('row', { name: /features\./ })
        .first()
        .waitFor()

      // My data.
      await page.getByRole('link', { name: 'My data' }).click()
      await page.getByRole('button', { name: 'Check now' }).click()
      await page.getByText(/Checked,/).waitFor()

      // The coordinator is killed, and comes back at its address.
      await page.getByRole('link', { name: 'Overview' }).click()
      coordinator.child.kill('SIGKILL')
      await page.getByText('Not connected').waitFor()
      await startProcess(federation.dir, '--port', new URL(coordinator.url).port)
      await page.getByText('Connected', { exact: true }).waitFor()

      await page.getByRole('button', { name: 'Pause' }).click()
      await dialog.getByRole('button', { name: 'Pause' }).click()
      await page.getByText('Paused.').waitFor()
      await page.getByRole('button', { name: 'Resume' }).click()
      await dialog.getByRole('button', { name: 'Resume' }).click()
      await page.getByText('Resumed.').waitFor()

      await page.getByRole('button', { name: 'Leave the study' }).click()
      await dialog.getByRole('textbox').fill('small')
      await dialog.getByRole('button', { name: 'Leave the study' }).click()
      await agent.done
      await page.getByText('Cut off from the agent').waitFor()
      expect(agent.lines.at(-1)).toContain('"finished":false')

      expect(hasLeft(federation.siteDir('north'), STUDY.id)).toBe(true)
      // Chromium itself complains of the stream that has ended, of nothing else.
      expect(
        complaints.filter((text) => !/ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING)/.test(text)),
      ).toEqual([])
    },
    PATIENCE_MS,
  )
})
