import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import {
  createNonce,
  fingerprint,
  generateKeyPair,
  loadPrivateKey,
  savePrivateKey,
  sha256Hex,
} from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** RFC 8037, appendix A.1. */
const RFC_KEY = {
  kty: 'OKP',
  crv: 'Ed25519',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
}

async function keyFile(): Promise<string> {
  return join(await temporaryFolder(), 'keys', 'site.jwk')
}

async function written(text: string, mode = 0o600): Promise<string> {
  const file = join(await temporaryFolder(), 'site.jwk')
  await writeFile(file, text, { mode })
  return file
}

describe('savePrivateKey()', () => {
  test('is read back as the same pair', async () => {
    const [file, pair] = [await keyFile(), await generateKeyPair()]
    await savePrivateKey(file, pair)
    expect((await loadPrivateKey(file)).publicKey).toBe(pair.publicKey)
  })
  test.skipIf(process.platform === 'win32')(
    'lets nobody but the owner read, and leaves no other file',
    async () => {
      const file = await keyFile()
      await savePrivateKey(file, await generateKeyPair())
      expect((await stat(file)).mode & 0o777).toBe(0o600)
      expect((await stat(join(file, '..'))).mode & 0o777).toBe(0o700)
      expect(await readdir(join(file, '..'))).toEqual(['site.jwk'])
    },
  )
  test('never overwrites', async () => {
    const file = await keyFile()
    await savePrivateKey(file, await generateKeyPair())
    const before = await readFile(file, 'utf8')
    await expect(savePrivateKey(file, await generateKeyPair())).rejects.toMatchObject({
      code: 'ERR_KEY_FILE',
    })
    expect(await readFile(file, 'utf8')).toBe(before)
    expect(await readdir(join(file, '..'))).toEqual(['site.jwk'])
  })
})

describe('loadPrivateKey()', () => {
  test('reads the key of RFC 8037', async () => {
    expect((await loadPrivateKey(await written(JSON.stringify(RFC_KEY)))).publicKey).toBe(RFC_KEY.x)
  })
  test.skipIf(process.platform === 'win32')('refuses a file that others may read', async () => {
    const file = await written(JSON.stringify(RFC_KEY))
    await chmod(file, 0o640)
    await expect(loadPrivateKey(file)).rejects.toThrow('key file must have mode 0600, got 0640')
  })
  test.each([
    ['is no JSON', `${RFC_KEY.d} is not JSON`],
    ['is a public key', JSON.stringify({ ...RFC_KEY, d: undefined })],
    ['is of another curve', JSON.stringify({ ...RFC_KEY, crv: 'X25519' })],
    [
      'is of another kind',
      JSON.stringify({ kty: 'EC', crv: 'P-256', x: RFC_KEY.x, y: RFC_KEY.x, d: RFC_KEY.d }),
    ],
    ['is too short', JSON.stringify({ ...RFC_KEY, d: 'AAAA' })],
    ['holds the public part of another key', JSON.stringify({ ...RFC_KEY, x: 'A'.repeat(43) })],
  ])('refuses a key that %s, and does not repeat it', async (_, text) => {
    const error = await loadPrivateKey(await written(text)).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TesseraError)
    expect(error).toMatchObject({ code: 'ERR_KEY_FILE' })
    expect(`${String(error)} ${String((error as Error).cause)}`).not.toContain(RFC_KEY.d.slice(0, 8))
  })
  test('says that the file is missing', async () => {
    await expect(loadPrivateKey(await keyFile())).rejects.toMatchObject({
      code: 'ERR_KEY_FILE',
      message: 'key file must exist, got ENOENT',
    })
  })
})

describe('fingerprint()', () => {
  test('is half of the SHA-256 of the 32 bytes, in groups', () => {
    const whole = sha256Hex(Buffer.from(RFC_KEY.x, 'base64url'))
    expect(fingerprint(RFC_KEY.x)).toMatch(/^([0-9a-f]{4} ){7}[0-9a-f]{4}$/)
    expect(fingerprint(RFC_KEY.x).replaceAll(' ', '')).toBe(whole.slice(0, 32))
  })
})

describe('sha256Hex()', () => {
  // FIPS 180-2, appendix B.1.
  test.each(['abc', Buffer.from('abc')])('has the published digest of abc', (value) => {
    expect(sha256Hex(value)).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })
})

describe('createNonce()', () => {
  test('is 22 characters, never the same', () => {
    const nonces = Array.from({ length: 1000 }, createNonce)
    expect(new Set(nonces).size).toBe(1000)
    for (const nonce of nonces) expect(nonce).toMatch(/^[A-Za-z0-9_-]{22}$/)
  })
})
