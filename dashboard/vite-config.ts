/** @file How a page's sources become static files. */
import { fileURLToPath } from 'node:url'
import type { InlineConfig } from 'vite'

/** Each is a folder here with an `index.html`. */
export const PAGES = ['coordinator', 'site'] as const
export type Page = (typeof PAGES)[number]

/** Gives vite all it needs to know; there is no file of its own that it would look for. */
export function viteConfig(page: Page, outDir: string): InlineConfig {
  return {
    configFile: false,
    root: fileURLToPath(new URL(page, import.meta.url)),
    // Relative addresses: behind a proxy the page may stand under any path.
    base: './',
    publicDir: false,
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2022',
      // The pages' policy allows no inline script and no `data:` but for images.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
  }
}
