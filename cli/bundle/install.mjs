/**
 * @file Installs a bundle that `tessera bundle` has written, on a machine that has no Tessera yet: everything is checked before anything is unpacked. Node's own modules
 * only, and the system's tar.
 *
 *   tar -xf tessera.tar && node install.mjs --to /opt/tessera --fingerprint '0a1b 2c3d …'
 */
import { execFileSync } from 'node:child_process'
import { createHash, createPublicKey, verify } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const here = dirname(fileURLToPath(import.meta.url))
/** A manifest names four files at most. */
const MAX_MANIFEST_BYTES = 10_000
const OLDEST_NODE = [20, 19]

const WRAPPER = `#!/bin/sh
# Tessera, from where it was installed.
here=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
export TESSERA_ENGINE_DIR="\${TESSERA_ENGINE_DIR:-$here/engine}"
PATH="$here/bin:$PATH" exec node "$here/cli/tessera.mjs" "$@"
`

const say = (line) => process.stdout.write(`${line}\n`)
const complain = (line) => process.stderr.write(`${line}\n`)

class Refusal extends Error {}

function refuse(rule, got) {
  throw new Refusal(`${rule}, got ${got}`)
}

/** The signed manifest, of a key whose fingerprint somebody has said. */
function readManifest(wanted) {
  const file = join(here, 'manifest.json')
  if (statSync(file).size > MAX_MANIFEST_BYTES)
    refuse('manifest must be small', `${statSync(file).size} bytes`)
  const bytes = readFileSync(file)
  const { format, version, platform, key, files } = JSON.parse(bytes)
  if (format !== 1) refuse('manifest must have format 1', format)
  const raw = Buffer.from(String(key), 'base64url')
  const digits = createHash('sha256').update(raw).digest('hex').slice(0, 32)
  if (wanted.replaceAll(/\s/g, '').toLowerCase() !== digits)
    refuse('bundle must be signed by the key of this fingerprint', digits.replaceAll(/(.{4})(?=.)/g, '$1 '))
  const publicKey = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') },
    format: 'jwk',
  })
  const signature = Buffer.from(readFileSync(join(here, 'manifest.sig'), 'utf8'), 'base64url')
  if (!verify(null, bytes, publicKey, signature)) refuse('signature must be of this manifest', 'another')
  const machine = `${process.platform}-${process.arch}`
  if (platform !== machine) refuse(`bundle must be for ${machine}`, platform)
  return { version, files }
}

/** Reads a file to its end: of the size and the hash that were signed, or refused. */
async function check({ name, bytes, sha256 }) {
  if (!/^(program\.tar\.gz|engine\.tar\.gz|node)$/.test(name)) refuse('part must be one that is known', name)
  const path = join(here, name)
  const { size } = statSync(path)
  if (size !== bytes) refuse(`${name} must have ${bytes} bytes`, size)
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  const digest = hash.digest('hex')
  if (digest !== sha256) refuse(`${name} must have SHA-256 ${sha256}`, digest)
}

function unpack(files, target) {
  mkdirSync(join(target, 'bin'), { recursive: true })
  for (const { name } of files) {
    if (name === 'node') {
      copyFileSync(join(here, name), join(target, 'bin', 'node'))
      chmodSync(join(target, 'bin', 'node'), 0o755)
      continue
    }
    const folder = name === 'engine.tar.gz' ? join(target, 'engine') : target
    mkdirSync(folder, { recursive: true })
    execFileSync('tar', ['-xzf', join(here, name), '--no-same-owner', '-C', folder], { stdio: 'inherit' })
  }
  writeFileSync(join(target, 'bin', 'tessera'), WRAPPER, { mode: 0o755 })
}

async function install() {
  const { values } = parseArgs({
    options: {
      to: { type: 'string' },
      fingerprint: { type: 'string' },
      replace: { type: 'boolean', default: false },
    },
  })
  if (!values.to || !values.fingerprint) {
    complain("usage: node install.mjs --to FOLDER --fingerprint 'OF THE SIGNER' [--replace]")
    process.exit(64)
  }
  const to = resolve(values.to)
  const before = `${to}.before`
  const [major, minor] = process.versions.node.split('.').map(Number)
  const [oldest, oldestMinor] = OLDEST_NODE
  if (major < oldest || (major === oldest && minor < oldestMinor))
    refuse(`Node must be ${OLDEST_NODE.join('.')} or newer`, process.version)
  if (existsSync(to) && !values.replace)
    refuse('folder must be new, or --replace be given', 'one that is there')
  if (existsSync(to) && existsSync(before))
    refuse(`${before} must be free for the one that is replaced`, 'one that is there')
  const { version, files } = readManifest(values.fingerprint)
  for (const file of files) await check(file)
  const fresh = `${to}.installing-${process.pid}`
  try {
    unpack(files, fresh)
    if (existsSync(to)) renameSync(to, before)
    renameSync(fresh, to)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
  say(`Tessera ${version} is installed: ${to}/bin/tessera`)
  say(`Next: ${to}/bin/tessera doctor, then ${to}/bin/tessera verify ${to}/tests/parity/cases`)
}

try {
  await install()
} catch (thrown) {
  complain(`install: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
  complain('  Nothing was installed. Fetch the bundle again, and compare the fingerprint by phone.')
  process.exitCode = thrown instanceof Refusal ? 65 : 70
}
