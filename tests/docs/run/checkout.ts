/** @file A folder that is to a page's commands what a checkout is to its reader. */
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url))

/** Runs what npx would: the programs of node_modules are first in PATH. */
const SHORT_NPX = '#!/bin/sh\nexec "$@"\n'

/** Links to everything of the project, so that what a command writes lies beside and goes with the folder. Returns the commands' environment. `hasOwnNpx`: npx is npm's. */
export async function makeCheckout(
  folder: string,
  home: string,
  hasOwnNpx: boolean,
): Promise<NodeJS.ProcessEnv> {
  await mkdir(folder, { recursive: true })
  await linkAll(PROJECT, folder, new Set(['.git', 'runs', 'node_modules']))
  // A folder of links, not a link to the folder: npm empties the one that it takes for its own.
  await mkdir(join(folder, 'node_modules'))
  await linkAll(join(PROJECT, 'node_modules'), join(folder, 'node_modules'), new Set())
  const bin = join(home, 'bin')
  await mkdir(bin)
  // npm takes half a second of processor to find a program, a hundred times.
  if (!hasOwnNpx) await writeFile(join(bin, 'npx'), SHORT_NPX, { mode: 0o755 })
  return {
    PATH: [bin, join(PROJECT, 'node_modules', '.bin'), dirname(process.execPath), process.env.PATH].join(':'),
    LANG: 'C.UTF-8',
    HOME: home,
    TZ: 'UTC',
    TESSERA_ENGINE: 'wasm',
    TESSERA_THREADS: '1',
    // What npx has not here it must not fetch.
    npm_config_offline: 'true',
    npm_config_update_notifier: 'false',
  }
}

async function linkAll(from: string, to: string, but: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(from)) {
    if (!but.has(name)) await symlink(join(from, name), join(to, name))
  }
}
