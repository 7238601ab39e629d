/** @file Takes the pictures of docs/images, and writes them with TESSERA_SCREENSHOTS=write (`npm run docs:screenshots`). Their numbers are made up. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startBrowser, type TestBrowser } from '../support/browser.ts'
import {
  coordinatorView,
  judgingReport,
  studyHistory,
  studyRow,
  VIEW_NOW_MS,
} from '../support/coordinator-view.ts'
import { servePage } from '../support/page-server.ts'
import { JOINED, siteDashboard, training } from '../support/site-dashboard.ts'

const FOLDER = fileURLToPath(new URL('../../docs/images/', import.meta.url))
const isWriting = process.env.TESSERA_SCREENSHOTS === 'write'
/** Of one picture: all of them stay in every clone for good. */
const LARGEST_BYTES = 100_000
const WIDTH_PX = 1280
/** Rounds that are behind it. */
const PUBLISHED = 6

interface Picture {
  readonly of: 'coordinator' | 'site'
  readonly hash: string
  /** Text that is there once all is drawn. */
  readonly shows: string
  readonly heightPx: number
  readonly colorScheme: 'light' | 'dark'
}

const PICTURES: Readonly<Record<string, Picture>> = {
  'dashboard-overview': {
    of: 'coordinator',
    hash: '#/',
    shows: 'All well: round 7 of 20',
    heightPx: 860,
    colorScheme: 'light',
  },
  'dashboard-round': {
    of: 'coordinator',
    hash: '#/studies/colon',
    shows: 'radboud',
    heightPx: 840,
    colorScheme: 'light',
  },
  'dashboard-results': {
    of: 'coordinator',
    hash: '#/studies/colon/results',
    shows: 'Loss',
    heightPx: 1400,
    colorScheme: 'dark',
  },
  'site-overview': {
    of: 'site',
    hash: '#/',
    shows: 'Log is whole',
    heightPx: 1000,
    colorScheme: 'light',
  },
  'site-frames': {
    of: 'site',
    hash: '#/frames',
    shows: 'frames shown',
    heightPx: 800,
    colorScheme: 'dark',
  },
}

let browser: TestBrowser
beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(async () => await browser.close())

/** Address of a page that shows a federation in its seventh round. */
async function address(of: Picture['of']): Promise<{ link: string; url: string }> {
  if (of === 'coordinator') {
    const judged = judgingReport(PUBLISHED).best
    const colon = studyRow({
      published: PUBLISHED,
      round: PUBLISHED + 1,
      loss: studyHistory(PUBLISHED).rounds.at(-1)?.loss ?? null,
      best: { round: PUBLISHED, metric: 'balancedAccuracy', score: judged?.scores?.balancedAccuracy ?? 0 },
    })
    const lung = studyRow({
      study: 'lung',
      phase: 'finished',
      round: 30,
      rounds: 30,
      published: 30,
      openedAtMs: null,
      deadlineMs: null,
      secondsLeft: null,
      counts: { ...colon.counts, idle: 5, fetching: 0, training: 0, uploading: 0, accepted: 0 },
      loss: 0.412,
      best: { round: 27, metric: 'balancedAccuracy', score: 0.913 },
      verification: {
        state: 'holds',
        round: 30,
        rounds: 30,
        sentence: '30 rounds verified, 30 computed again to the bit',
        atMs: VIEW_NOW_MS,
      },
    })
    const view = coordinatorView(5, { studies: { colon, lung } })
    const server = await servePage({ view, rounds: PUBLISHED })
    onTestFinished(server.close)
    return { link: server.url, url: server.url }
  }
  const site = await siteDashboard()
  site.see(JOINED)
  for (let round = 3; round <= PUBLISHED; round++) await site.sendRound(round)
  for (let step = 1; step <= 160; step++) site.see(training(PUBLISHED + 1, step))
  return site
}

/** The page as a small PNG: it has few colours. */
async function picture(page: Page): Promise<Buffer> {
  const taken = await page.screenshot({ animations: 'disabled', caret: 'hide' })
  return await sharp(taken).png({ palette: true, colours: 64, effort: 10 }).toBuffer()
}

async function sizeOf(png: Buffer): Promise<{ width: number; height: number }> {
  const { width, height } = await sharp(png).metadata()
  return { width, height }
}

describe('docs/images', () => {
  test.each(Object.entries(PICTURES))(
    '%s.png is a picture of the page, and small',
    async (name, { of, hash, shows, heightPx, colorScheme }) => {
      const { link, url } = await address(of)
      const viewport = { width: WIDTH_PX, height: heightPx }
      const { page, complaints, close } = await browser.open(link, { colorScheme, viewport })
      onTestFinished(close)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await page.goto(`${url}${hash}`)
      await page.getByText(shows).first().waitFor()
      // Curves of the sites are asked for one by one, and drawn in the frame after.
      await page.waitForLoadState('networkidle')
      await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
      const taken = await picture(page)
      expect(taken.byteLength).toBeLessThan(LARGEST_BYTES)
      expect(complaints).toEqual([])
      if (isWriting) await writeFile(`${FOLDER}${name}.png`, taken)
      // Not the same pixels: fonts are the machine's.
      expect(await sizeOf(await readFile(`${FOLDER}${name}.png`))).toEqual(await sizeOf(taken))
    },
  )
  test('has no other', async () => {
    expect((await readdir(FOLDER)).toSorted()).toEqual(
      Object.keys(PICTURES)
        .map((name) => `${name}.png`)
        .toSorted(),
    )
  })
})
