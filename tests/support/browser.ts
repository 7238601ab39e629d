/** @file Debian's Chromium, driven as a person would: one for a test file, a fresh profile for each page. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** Where Debian puts it; another can be named. */
const CHROMIUM = process.env.TESSERA_CHROMIUM ?? '/usr/bin/chromium'

export interface TestBrowser {
  /** Opens an address in a profile of its own, and keeps what the page complains of. */
  open(url: string, options?: BrowserContextOptions): Promise<TestPage>
  readonly close: () => Promise<void>
}

export interface TestPage {
  readonly page: Page
  /** Errors, blocked content, and requests to anywhere but the page's own server: none is right. */
  readonly complaints: string[]
  readonly close: () => Promise<void>
}

export async function startBrowser(): Promise<TestBrowser> {
  const browser: Browser = await chromium.launch({
    executablePath: CHROMIUM,
    // In a container there is often no user namespace for its sandbox; the only pages that it opens are ours.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb'],
  })
  return {
    async open(url, options = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
      const page = await context.newPage()
      const complaints: string[] = []
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
      })
      page.on('request', (request) => {
        const asked = request.url()
        if (!asked.startsWith(new URL(url).origin) && !/^(blob|data|ws):/.test(asked))
          complaints.push(`asks for ${asked}`)
      })
      await page.goto(url)
      return { page, complaints, close: async () => await context.close() }
    },
    close: async () => await browser.close(),
  }
}
