/** @file `npm run build:dashboard`: builds the pages, or those that are named, for a container or a bundle. */
import { print } from '@tessera/shared/print'
import { builtPage } from './built.ts'
import { PAGES } from './vite-config.ts'

const named = process.argv.slice(2)
const unknown = named.find((name) => !PAGES.some((page) => page === name))
if (unknown !== undefined) throw new Error(`page must be one of ${PAGES.join(', ')}, got ${unknown}`)
for (const page of PAGES.filter((one) => named.length === 0 || named.includes(one))) {
  await builtPage(page)
  print(`The ${page}'s page is built.`)
}
