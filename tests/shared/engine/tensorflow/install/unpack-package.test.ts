import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { create, Header } from 'tar'
import { describe, expect, test } from 'vitest'
import { NPM_PACKAGE, unpackPackage } from '../../../../../shared/engine/tensorflow/install/unpack-package.ts'
import { temporaryFolder } from '../../../../support/temporary-folder.ts'

const integrityOf = (bytes: Uint8Array): string =>
  `sha512-${createHash('sha512').update(bytes).digest('base64')}`

async function unpack(tarball: Uint8Array, integrity = integrityOf(tarball)): Promise<string> {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'p.tgz'), tarball)
  await unpackPackage(join(folder, 'p.tgz'), join(folder, 'out'), { ...NPM_PACKAGE, integrity })
  return join(folder, 'out')
}

/** A tarball of one file with any name. */
function oneFile(path: string, bytes = 1): Buffer {
  const header = new Header({ path, size: bytes, type: 'File', mode: 0o644 })
  header.encode()
  const body = Buffer.alloc(Math.ceil(bytes / 512) * 512, 'x')
  // The reader gives up by itself on what shrinks a thousandfold; the limit is for what does not.
  body.set(randomBytes(Math.min(bytes, 200_000)))
  return gzipSync(Buffer.concat([header.block ?? Buffer.alloc(0), body, Buffer.alloc(1024)]))
}

describe('unpackPackage()', () => {
  test('unpacks files and folders of a package of the integrity wanted', async () => {
    const source = await temporaryFolder()
    await mkdir(join(source, 'package/binding'), { recursive: true })
    await writeFile(join(source, 'package/binding/a.cc'), 'int a;')
    await create({ file: join(source, 'p.tgz'), gzip: true, cwd: source }, ['package'])
    const folder = await unpack(await readFile(join(source, 'p.tgz')))
    expect(await readFile(join(folder, 'package/binding/a.cc'), 'utf8')).toBe('int a;')
  })

  test('refuses a package of another integrity before it reads a name', async () => {
    await expect(unpack(oneFile('../a'), NPM_PACKAGE.integrity)).rejects.toMatchObject({
      code: 'ERR_ENGINE_ARCHIVE',
      message: expect.stringContaining(`have integrity ${NPM_PACKAGE.integrity}, got sha512-`) as string,
    })
  })

  test.each(['../a', 'package/../../a', '/tmp/a'])('refuses the name %s', async (name) => {
    await expect(unpack(oneFile(name))).rejects.toMatchObject({
      message: `npm package must hold only names inside its folder, got ${JSON.stringify(name)}`,
    })
  })

  test('refuses a link', async () => {
    const source = await temporaryFolder()
    await symlink('/etc/passwd', join(source, 'a'))
    await create({ file: join(source, 'p.tgz'), gzip: true, cwd: source }, ['a'])
    await expect(unpack(await readFile(join(source, 'p.tgz')))).rejects.toMatchObject({
      message: 'npm package must hold only files, got SymbolicLink',
    })
  })

  test('refuses a file that unpacks to more than a package may', async () => {
    await expect(unpack(oneFile('package/a', 21e6))).rejects.toMatchObject({
      message: 'npm package must hold at most 20000000 bytes, got 21000000 or more',
    })
  })

  test('refuses what is no tarball', async () => {
    await expect(unpack(Buffer.from('no tarball'))).rejects.toMatchObject({ code: 'ERR_ENGINE_ARCHIVE' })
  })
})
