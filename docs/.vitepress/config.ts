/** @file The static site of all pages: `npm run build:site` writes it to docs/.vitepress/dist. Nothing in it is loaded from elsewhere. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { CHAPTERS, headingId } from '../build/navigation.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** A page's first heading. */
const titleOf = (page: string): string =>
  /^# (.+)$/m.exec(readFileSync(join(ROOT, page), 'utf8'))?.[1] ?? page
const addressOf = (page: string): string => `/${page.replace(/(?:README|index)?\.md$/, '')}`
const isPage = (path: string): boolean => path.endsWith('.md')

export default defineConfig({
  title: 'Tessera',
  description: 'Many hospitals train one histopathology model together, and no image leaves its hospital.',
  // Pages link to each other, and to CONTRIBUTING.md and the like, as files of the project: so the project is the source.
  srcDir: '..',
  srcExclude: ['{.types,.ci,runs}/**', '**/dist/**'],
  rewrites: (page) => page.replace(/README\.md$/, 'index.md'),
  cleanUrls: false,
  // Dead links fail the build.
  ignoreDeadLinks: false,
  head: [],
  markdown: {
    anchor: { slugify: headingId },
    config(markdown) {
      // A link to a source file is of use in the project only: here its text stands alone.
      const open = markdown.renderer.rules.link_open
      markdown.core.ruler.push('links-to-sources', ({ tokens, env }) => {
        const from = dirname(join(ROOT, String(env.relativePath)))
        for (const { children } of tokens) {
          for (const [i, token] of (children ?? []).entries()) {
            const href = token.type === 'link_open' ? (token.attrGet('href') ?? '') : ''
            if (href === '' || /^(\w+:|#|\/)/.test(href)) continue
            const path = relative(ROOT, resolve(from, href.replace(/#.*$/, '')))
            if (isPage(path) || !existsSync(join(ROOT, path))) continue
            token.hidden = true
            const close = children?.slice(i).find(({ type }) => type === 'link_close')
            if (close) close.hidden = true
          }
        }
      })
      markdown.renderer.rules.link_open = (tokens, at, ...rest) =>
        tokens[at]?.hidden ? '' : (open?.(tokens, at, ...rest) ?? '')
      markdown.renderer.rules.link_close = (tokens, at) => (tokens[at]?.hidden ? '' : '</a>')
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: CHAPTERS.map(({ title, pages }) => ({ text: title, link: addressOf(pages[0] ?? '') })),
    sidebar: CHAPTERS.map(({ title, pages }) => ({
      text: title,
      collapsed: true,
      items: pages.map((page) => ({ text: titleOf(page), link: addressOf(page) })),
    })),
  },
})
