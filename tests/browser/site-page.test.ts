import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { isApproved, isPaused, loadPolicy } from '../../site-agent/policy/index.ts'
import { loadSite } from '../../site-agent/session/site-folder.ts'
import { axeFindings } from '../support/axe.ts'
import { startBrowser, type TestBrowser, type TestPage } from '../support/browser.ts'
import {
  CHECKED,
  JOINED,
  type SiteDashboard,
  siteDashboard,
  trained,
  training,
} from '../support/site-dashboard.ts'

let browser: TestBrowser
beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(async () => await browser.close())

/** A site in its seventh round, signed in. */
async function show(hash = '#/', checked = CHECKED): Promise<TestPage & { site: SiteDashboard }> {
  const site = await siteDashboard(checked)
  site.see(JOINED)
  await site.sendRound(6)
  for (let step = 1; step <= 60; step++) site.see(training(7, step))
  const shown = await browser.open(site.link)
  onTestFinished(() => shown.close())
  await shown.page.getByRole('heading', { level: 1 }).waitFor()
  if (hash !== '#/') await shown.page.goto(`${site.url}${hash}`)
  return { ...shown, site }
}

const waits = (round: number) =>
  ({ kind: 'waiting', round, code: 'ERR_POLICY_APPROVAL', reason: 'not approved' }) as const

describe('the first screen', () => {
  test('answers the four questions in their order, and is in no need of anything from elsewhere', async () => {
    const { page, complaints } = await show()
    await page.getByText('All well: training round 7 of 20').waitFor()
    const headings = await page.locator('.panel-head h2').allTextContents()
    expect(headings).toEqual([
      'What has left this building',
      'What is training now',
      'Is my data healthy',
      'What is my policy',
      'Connection to the coordinator',
    ])
    await page.getByText('Log is whole').waitFor()
    await page.getByText('38.4').waitFor()
    await page.getByText('In force').waitFor()
    expect(complaints).toEqual([])
  })

  test('follows the agent', async () => {
    const { page, site } = await show()
    site.see(training(7, 200))
    await page.getByText('step 200 of 234').waitFor()
    site.see({ kind: 'unreached', code: 'ERR_CONNECTION_LOST', reason: 'connection must stay open' })
    await page.getByRole('heading', { level: 1, name: /has not been reached/ }).waitFor()
    await page.getByText('Not connected').waitFor()
  })

  test('says first that the audit log was changed, and which line', async () => {
    const { page, site } = await show()
    await page.getByText('Log is whole').waitFor()
    const file = join(site.dir, 'audit.jsonl')
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.replace('"bytes":1900', '"bytes":1901'))
    await page.goto(`${site.url}#/frames`)
    await page.getByRole('button', { name: 'Read all again' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Read all again' }).click()
    await page.getByText('audit line 2 must continue the chain').first().waitFor()
    await page.getByRole('link', { name: /Overview/ }).click()
    await page.getByRole('heading', { level: 1, name: 'The audit log was changed' }).waitFor()
  })

  test('keeps what it has when the agent ends, and says that it is old', async () => {
    const { page, site } = await show()
    await site.close()
    await page.getByText('Cut off from the agent').waitFor()
    await page.getByText('What has left this building').waitFor()
  })
})

describe('signing in', () => {
  test('takes the link out of the address, and the next tab needs none', async () => {
    const { page, site } = await show()
    expect(page.url()).toBe(`${site.url}#/`)
    const other = await page.context().newPage()
    await other.goto(site.url)
    await other.getByText('What has left this building').waitFor()
  })

  test('without a link says how to get one; a used one does not work again', async () => {
    const { site, page } = await show()
    const stranger = await browser.open(site.url)
    onTestFinished(() => stranger.close())
    await stranger.page.getByText('tessera site dashboard').waitFor()
    await stranger.page.goto(site.link)
    await stranger.page.getByText('This link did not work:').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('tessera site dashboard').waitFor()
  })
})

describe('the acts', () => {
  test('approve shows all tensors, and lets that update leave; by keyboard alone', async () => {
    const { page, site } = await show()
    site.see(trained(7), waits(7))
    await page.getByRole('heading', { level: 1, name: 'Round 7 waits for your approval' }).waitFor()
    await page.getByRole('button', { name: 'See what would leave' }).focus()
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByText('311 tensors').waitFor()
    await dialog.getByText('correct withheld').waitFor()
    await dialog.getByText('tessera site approve 7 --study colon').waitFor()
    await page.keyboard.press('Escape')
    await expect.poll(() => dialog.count()).toBe(0)
    expect(isApproved(site.dir, 'colon', 7)).toBe(false)
    await page.keyboard.press('Enter')
    await dialog.getByRole('button', { name: 'Approve this round' }).focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => isApproved(site.dir, 'colon', 7)).toBe(true)
  })

  test('pause and resume', async () => {
    const { page, site } = await show()
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('heading', { level: 1, name: 'Paused: nothing of the study leaves' }).waitFor()
    expect(isPaused(site.dir)).toBe(true)
    await page.getByRole('button', { name: 'Resume' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click()
    await page.getByRole('heading', { level: 1, name: /All well/ }).waitFor()
    expect(isPaused(site.dir)).toBe(false)
  })

  test('leave asks for the study’s name', async () => {
    const { page } = await show()
    await page.getByRole('button', { name: 'Leave the study' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox').fill('lung')
    await dialog.getByRole('button', { name: 'Leave the study' }).click()
    await dialog.getByText('This is not colon.').waitFor()
    await dialog.getByRole('textbox').fill('colon')
    await dialog.getByRole('button', { name: 'Leave the study' }).click()
    await page.getByText('Left colon. The agent ends.').waitFor()
  })

  test('a policy is read while it is written, and signed', async () => {
    const { page, site } = await show('#/policy')
    const editor = page.getByRole('textbox', { name: 'policy.yaml' })
    const text = await editor.inputValue()
    await editor.fill(text.replace('\napproval: none', '\napproval: sometimes'))
    await page.getByText('policy.yaml must have approval right').waitFor()
    await editor.fill(text.replace('\napproval: none', '\napproval: each-round'))
    await page.getByText('each round waits for a person here').waitFor()
    await page.getByText('changed', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Sign', exact: true }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Sign' }).click()
    await page.getByText('Signed, from the next round').waitFor()
    const { policy } = await loadPolicy(site.dir, await loadSite(site.dir))
    expect(policy.approval).toBe('each-round')
  })

  test('the check tells what it found', async () => {
    const { page } = await show('#/data')
    await page.getByRole('button', { name: 'Check now' }).click()
    await page.getByText('are far less sharp than their class').waitFor()
    await page.getByRole('row', { name: /grade 5/ }).waitFor()
  })

  test('every frame is listed with its tensors and its receipt, found by kind, and taken home', async () => {
    const { page } = await show('#/frames')
    await page.getByText('33 frames shown').waitFor()
    await page.getByLabel('Kind', { exact: true }).selectOption('upload:commit')
    await page.getByText('1 frame shown').waitFor()
    await page.getByLabel('Kind', { exact: true }).selectOption('upload:chunk')
    await page
      .getByRole('row', { name: /features\.8\.0\.weight/ })
      .first()
      .waitFor()
    const coming = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Export as CSV' }).click()
    const file = await (await coming).path()
    expect((await readFile(file, 'utf8')).split('\r\n')).toHaveLength(35)
  })
})

describe('every view', () => {
  test.each(['#/', '#/frames', '#/round', '#/data', '#/policy'])(
    '%s can be used by everybody, light and dark, on a phone and on a wall',
    async (hash) => {
      const { page, complaints } = await show(hash)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        for (const width of [360, 1280, 2560]) {
          await page.setViewportSize({ width, height: 900 })
          const overflow = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          )
          expect([hash, width, overflow]).toEqual([hash, width, 0])
        }
        expect(await axeFindings(page)).toEqual([])
      }
      expect(complaints).toEqual([])
    },
  )

  test('the approval’s dialog too', async () => {
    const { page, site } = await show()
    site.see(trained(7), waits(7))
    await page.getByRole('button', { name: 'See what would leave' }).click()
    await page.getByText('311 tensors').waitFor()
    expect(await axeFindings(page)).toEqual([])
  })
})
