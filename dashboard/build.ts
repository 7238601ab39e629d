/** @file `npm run build:dashboard`: builds the pages, for a container or a bundle. */
import { print } from '@tessera/shared/print'
import { builtPage } from './built.ts'
import { PAGES } from './vite-config.ts'

for (const page of PAGES) {
  await builtPage(page)
  print(`The ${page}'s page is built.`)
}
