import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { axeFindings } from '../support/axe.ts'
import { startBrowser, type TestBrowser } from '../support/browser.ts'
import { coordinatorView, siteRow, studyRow, VIEW_NOW_MS } from '../support/coordinator-view.ts'
import { type PageServer, servePage } from '../support/page-server.ts'

const DAY_MS = 24 * 3600 * 1000
let browser: TestBrowser
let server: PageServer
beforeAll(async () => {
  browser = await startBrowser()
  const view = coordinatorView(5)
  server = await servePage({
    rounds: 20,
    view: {
      ...view,
      // Every tone is on it.
      studies: {
        colon: studyRow({ alarms: [{ site: 'radboud', rounds: 3 }], failures: 1 }),
        lung: studyRow({
          study: 'lung',
          phase: 'finished',
          verification: {
            state: 'broken',
            round: 4,
            rounds: 30,
            sentence: 'round 4 must …',
            atMs: VIEW_NOW_MS,
          },
        }),
      },
      sites: {
        ...view.sites,
        radboud: siteRow('radboud', 4, {
          online: [],
          lastSeenAtMs: VIEW_NOW_MS - 3 * DAY_MS,
          alarms: [{ study: 'colon', rounds: 3 }],
        }),
        leeds: siteRow('leeds', 2, { state: 'pending', online: [] }),
      },
    },
  })
})
afterAll(async () => {
  await browser.close()
  await server.close()
})

const VIEWS = [
  '#/',
  '#/sites',
  '#/sites/leeds',
  '#/sites/nobody',
  '#/studies/colon',
  '#/studies/colon/results',
  '#/studies/colon/participation',
  '#/studies/lung/ledger',
  '#/studies/colon/plan',
  '#/new-study',
  '#/nothing',
]

describe.each(['light', 'dark'] as const)('in %s colours', (colorScheme) => {
  test('axe-core finds nothing in any view, and the browser has no complaint', async () => {
    const { page, complaints, close } = await browser.open(server.url, { colorScheme })
    const found: string[] = []
    for (const view of VIEWS) {
      await page.goto(server.url + view)
      await page.locator('main :is(h1, h2)').first().waitFor()
      await page.waitForLoadState('networkidle')
      found.push(...(await axeFindings(page)).map((finding) => `${view} ${finding}`))
    }
    expect(found).toEqual([])
    expect(complaints).toEqual([])
    await close()
  })
  test('nor in a dialog, nor when nobody is signed in', async () => {
    const { page, close } = await browser.open(`${server.url}#/sites/leeds`, { colorScheme })
    await page.getByRole('button', { name: 'Approve…' }).click()
    await page.getByRole('button', { name: 'Approve', exact: true }).click()
    await page.getByText('This is not the fingerprint').waitFor()
    expect(await axeFindings(page)).toEqual([])
    await close()
    const outside = await servePage({ view: coordinatorView(1), session: null })
    const signIn = await browser.open(`${outside.url}#sign-in=old`, { colorScheme })
    await signIn.page.getByText('This link did not work').waitFor()
    expect(await axeFindings(signIn.page)).toEqual([])
    await signIn.close()
    await outside.close()
  })
})

describe('at any width', () => {
  test.each([360, 1280, 2560])('of %i px nothing but tables is wider than the page', async (width) => {
    const { page, close } = await browser.open(server.url, { viewport: { width, height: 900 } })
    for (const view of VIEWS) {
      await page.goto(server.url + view)
      await page.locator('main :is(h1, h2)').first().waitFor()
      const beyond = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      expect([view, beyond]).toEqual([view, 0])
    }
    await close()
  })
})

describe('by keyboard only', () => {
  test('past the navigation, into a study, through an act and back to where it was asked for', async () => {
    const { page, close } = await browser.open(server.url)
    await page.locator('main h1').waitFor()
    await page.keyboard.press('Tab')
    await expect.poll(() => focusedName(page)).toBe('Skip to content')
    await page.keyboard.press('Enter')
    // The first thing in the content that can be acted on: what needs attention.
    await page.keyboard.press('Tab')
    expect(await focusedName(page)).toBe('Look: radboud left out of 3 rounds running')
    await page.goto(`${server.url}#/studies/colon`)
    const pause = page.getByRole('button', { name: 'Pause…' })
    await pause.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    // Round and round, never out of the dialog.
    for (let i = 0; i < 5; i++) {
      await page.keyboard.press('Tab')
      const isOutside = await page.evaluate(() => {
        const focused = document.activeElement
        // The body: the browser's own bar has it.
        return focused !== document.body && focused?.closest('dialog') === null
      })
      expect(isOutside).toBe(false)
    }
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await focusedName(page)).toBe('Pause…')
    expect(server.acts).toEqual([])
    await close()
  })
  test('a table that scrolls can be scrolled', async () => {
    const { page, close } = await browser.open(`${server.url}#/sites`, {
      viewport: { width: 360, height: 700 },
    })
    const table = page.getByRole('group', { name: 'Sites' })
    await table.focus()
    await page.keyboard.press('ArrowRight')
    await expect.poll(() => table.evaluate((element) => element.scrollLeft)).toBeGreaterThan(0)
    await close()
  })
})

const focusedName = async (page: import('playwright-core').Page): Promise<string> =>
  await page.evaluate(() => {
    const focused = document.activeElement
    return focused?.getAttribute('aria-label') ?? focused?.textContent ?? ''
  })
