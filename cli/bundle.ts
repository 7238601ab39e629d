/** @file `tessera bundle`: one archive from which a machine without a network installs a site's agent. */
import { existsSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { builtPage } from '@tessera/dashboard/built'
import { systemClock } from '@tessera/shared/clock'
import { engineFolder } from '@tessera/shared/engine/install'
import { TesseraError } from '@tessera/shared/errors'
import { print } from '@tessera/shared/print'
import { fingerprint, loadPrivateKey } from '@tessera/shared/security'
import type { Command } from 'commander'
import { neededPackages } from './bundle/packages.ts'
import { type BundlePart, writeBundle } from './bundle/write-bundle.ts'

const DESCRIPTION = `Writes one archive from which a machine without a network installs a site's agent: programs, packages,
the native engine, checks (hashes, signature) and an installer that unpacks nothing before all of it is right.

Made on a machine like the one it is for: packages hold code for this system and processor. Build the engine
with \`tessera engine install --portable\` first, else it fits processors like this one's only.`

const EXAMPLE = `
Example:
  $ tessera bundle --out tessera.tar --key coordinator-data/keys/coordinator.jwk
  $ tar -xf tessera.tar && node install.mjs --to /opt/tessera --fingerprint '0a1b 2c3d …'`

const ROOT = fileURLToPath(new URL('../', import.meta.url))
/** What a site's agent is made of. */
const WORKSPACES = ['shared', 'site-agent', 'cli']
/** Cases for `tessera verify`, and what is read by a person or printed by the program. */
const BESIDE = ['package.json', 'LICENSE', 'docs', 'tests/parity/cases', 'deploy/systemd']
/** Of the dashboard's workspace: the page is built, and needs none of the packages that it is made of. */
const DASHBOARD = ['package.json', 'built.ts', 'vite-config.ts'].map((name) => `dashboard/${name}`)
/** Installs, type information and built documents of the checkout, and code that packages carry for other systems. */
const LEFT_OUT = /(^|\/)(\.types|\.git|\.vitepress)(\/|$)|\.tsbuildinfo$|\.map$/

interface BundleFlags {
  readonly out: string
  readonly key: string
  readonly engine: boolean
  readonly withNode?: true
}

/** Adds `bundle` to the program. */
export function addBundleCommand(program: Command): void {
  program
    .command('bundle')
    .summary('write an archive that installs a site without a network')
    .description(DESCRIPTION)
    .requiredOption('--out <file>', 'where the archive goes')
    .option('--key <file>', 'private key to sign with', 'coordinator-data/keys/coordinator.jwk')
    .option('--no-engine', 'without the native engine: the site computes with WebAssembly')
    .option('--with-node', 'with this Node, for a machine that has none')
    .addHelpText('after', EXAMPLE)
    .action(bundle)
}

async function bundle({ out, key: keyFile, engine, withNode }: BundleFlags): Promise<void> {
  const key = await loadPrivateKey(keyFile)
  const { version } = JSON.parse(readFileSync(join(ROOT, 'cli/package.json'), 'utf8')) as { version: string }
  const platform = `${process.platform}-${process.arch}`
  const page = relative(ROOT, await builtPage('site'))
  const parts = [programPart(page), ...(engine ? [enginePart(engineFolder(process.env))] : [])]
  const { bytes, installer } = await writeBundle({
    out: resolve(out),
    version,
    platform,
    parts,
    node: withNode ? process.execPath : null,
    key,
    nowMs: systemClock.now(),
    onPart: (name) => void process.stderr.write(`packing the ${name} …\n`),
  })
  print(`Bundle of Tessera ${version} for ${platform}: ${out}, ${Math.round(bytes / 1e6)} MB.`)
  print(`Fingerprint of its signer, for the site to compare by phone: ${fingerprint(key.publicKey)}`)
  print(`SHA-256 of its install.mjs: ${installer}`)
}

/** @param page Folder of the site's page, from the root. */
function programPart(page: string): BundlePart {
  const isOurs = (name: string): boolean => name.startsWith('@tessera/')
  const links = ['shared', 'site-agent', 'dashboard'].map((name) => `node_modules/@tessera/${name}`)
  const packages = neededPackages(ROOT.replace(/\/$/, ''), WORKSPACES, isOurs)
  const whole = [...BESIDE, ...WORKSPACES, ...DASHBOARD, page, ...links, ...packages]
  const foreign = new RegExp(`/bin/napi-v\\d+/(?!${process.platform}(/${process.arch})?(/|$))\\w`)
  return {
    name: 'program',
    folder: ROOT,
    // A package inside of another's folder comes with that.
    paths: whole.filter((path) => !whole.some((other) => path.startsWith(`${other}/`))),
    wanted: (path) => !LEFT_OUT.test(path) && !foreign.test(path),
  }
}

function enginePart(folder: string): BundlePart {
  if (!existsSync(join(folder, 'manifest.json'))) {
    const message =
      'native engine must be installed (tessera engine install --portable), or --no-engine be given, got none'
    throw new TesseraError('ERR_USAGE', message)
  }
  // Headers are for building it again, which needs a network or files of its own.
  return { name: 'engine', folder, paths: ['.'], wanted: (path) => !/^(\.\/)?include(\/|$)/.test(path) }
}
