/**
 * @file Writes a bundle: one archive from which a machine without a network installs a site's agent. In it: `install.mjs`, the parts (each an archive of its
 * own), `manifest.json` with their sizes and hashes, and `manifest.sig`, an Ed25519 signature over the manifest's bytes. A manifest begins with a brace
 * and is therefore never the signing input of a JWS, whatever key signs both.
 */
import { createHash, KeyObject, sign } from 'node:crypto'
import { copyFile, mkdtemp, open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import type { KeyPair } from '@tessera/shared/security'
import { create } from 'tar'

const INSTALLER = fileURLToPath(new URL('install.mjs', import.meta.url))

/** Packing is as slow as a disk with 1, and of TensorFlow's libraries still leaves a third. */
const COMPRESSION_LEVEL = 1

/** One archive in the bundle, unpacked to one place. */
export interface BundlePart {
  readonly name: 'program' | 'engine'
  /** Folder that `paths` lie in. */
  readonly folder: string
  readonly paths: readonly string[]
  /** Leaves out what another platform needs. */
  readonly wanted: (path: string) => boolean
}

export interface BundleOptions {
  readonly out: string
  readonly version: string
  /** System and processor, as Node names them: `linux-x64`. */
  readonly platform: string
  readonly parts: readonly BundlePart[]
  /** Program to bring along for a machine without Node; null for none. */
  readonly node: string | null
  readonly key: KeyPair
  readonly nowMs: number
  /** Hears of each part before it is packed. */
  readonly onPart: (name: string) => void
}

export interface Bundle {
  readonly bytes: number
  /** Of install.mjs: whoever runs it before anything is checked can compare this. */
  readonly installer: string
}

/** Writes the bundle whole or not at all. */
export async function writeBundle(options: BundleOptions): Promise<Bundle> {
  const { out, version, platform, parts, node, key, nowMs, onPart } = options
  // Beside the bundle: a temporary folder of the system may be in memory, and this is a gigabyte.
  const work = await mkdtemp(join(dirname(out), '.tessera-bundle-'))
  try {
    const names: string[] = []
    for (const { name, folder, paths, wanted } of parts) {
      onPart(name)
      const file = `${name}.tar.gz`
      await create(
        {
          file: join(work, file),
          cwd: folder,
          gzip: { level: COMPRESSION_LEVEL },
          portable: true,
          filter: wanted,
        },
        [...paths],
      )
      names.push(file)
    }
    if (node !== null) {
      await copyFile(node, join(work, 'node'))
      names.push('node')
    }
    const files = await Promise.all(
      names.map(async (name) => ({ name, ...(await factsOf(join(work, name))) })),
    )
    const manifest = JSON.stringify({
      format: 1,
      version,
      platform,
      madeAtMs: nowMs,
      key: key.publicKey,
      files,
    })
    await writeFile(join(work, 'manifest.json'), manifest)
    const signature = sign(null, Buffer.from(manifest), KeyObject.from(key.privateKey))
    await writeFile(join(work, 'manifest.sig'), signature.toString('base64url'))
    await copyFile(INSTALLER, join(work, 'install.mjs'))
    const whole = join(work, 'bundle')
    await create({ file: whole, cwd: work, portable: true }, [
      'install.mjs',
      'manifest.json',
      'manifest.sig',
      ...names,
    ])
    await rename(whole, out)
    const { sha256 } = await factsOf(INSTALLER)
    return { bytes: (await stat(out)).size, installer: sha256 }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Size and SHA-256 of a file, read once. */
async function factsOf(path: string): Promise<{ bytes: number; sha256: string }> {
  const file = await open(path)
  const hash = createHash('sha256')
  await pipeline(file.createReadStream(), hash)
  return { bytes: (await stat(path)).size, sha256: hash.digest('hex') }
}
