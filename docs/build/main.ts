/** @file `npm run build:docs`: writes docs/reference. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { referencePages } from './reference.ts'

const folder = fileURLToPath(new URL('../reference/', import.meta.url))
const pages = await referencePages()
await mkdir(folder, { recursive: true })
for (const name of await readdir(folder)) if (!pages.has(name)) await rm(`${folder}${name}`)
for (const [name, text] of pages) await writeFile(`${folder}${name}`, text)
process.stdout.write(`${pages.size} pages written to docs/reference\n`)
