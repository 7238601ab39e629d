import { X509Certificate } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { type RequestOptions, request } from 'node:https'
import { join } from 'node:path'
import { initCoordinator, invite, startCoordinator } from '@tessera/coordinator'
import { systemClock } from '@tessera/shared/clock'
import { createLog } from '@tessera/shared/log'
import { spkiPin } from '@tessera/shared/security'
import { enroll } from '@tessera/site-agent'
import { describe, expect, onTestFinished, test } from 'vitest'
import { selfSigned } from '../../../coordinator/tls/self-signed.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { codeOf } from '../raw-site.ts'

/** A certificate in files of its own. */
async function pemFiles(names = ['localhost', '127.0.0.1']) {
  const dir = await temporaryFolder()
  const made = selfSigned(names, Date.now())
  const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')]
  await writeFile(cert, made.cert)
  await writeFile(key, made.key)
  return { cert, key, made }
}

/** A running coordinator with this TLS. */
async function running(tls: NonNullable<Parameters<typeof initCoordinator>[0]['tls']>) {
  const dir = join(await temporaryFolder(), 'coordinator')
  const made = await initCoordinator({ dir, tls, port: 0 })
  const coordinator = await startCoordinator({ dir, port: 0 })
  onTestFinished(() => coordinator.close())
  return { dir, made, coordinator, url: coordinator.url }
}

/** Enrols a site of a running coordinator; `changes` to the kit's file. */
async function enrolling(
  { dir, url }: { dir: string; url: string },
  changes: object = {},
  transport: NonNullable<Parameters<typeof enroll>[0]['transport']> = {},
  lines: string[] = [],
) {
  const { kit } = await invite({ dir, site: 'north', url, autoApprove: true })
  const folder = await temporaryFolder()
  const kitFile = join(folder, 'kit.json')
  await writeFile(kitFile, JSON.stringify({ ...kit, ...changes }))
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  const log = createLog((line) => lines.push(line), systemClock)
  const options = {
    kitFile,
    dir: join(folder, 'site'),
    log,
    clock: systemClock,
    signal: stop.signal,
    transport,
  }
  return { kit, site: join(folder, 'site'), outcome: enroll(options) }
}

describe('selfSigned()', () => {
  const nowMs = Date.UTC(2026, 10, 25)
  const cert = (names: string[], at = nowMs) => new X509Certificate(selfSigned(names, at).cert)

  test('is a certificate of EC P-256 that its own key has signed, for TLS servers', () => {
    const made = cert(['fl.example.org', '127.0.0.1', '::1', '2001:db8::7'])
    expect(made.verify(made.publicKey)).toBe(true)
    expect(made.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' })
    expect(made.ca).toBe(false)
    expect(made.checkHost('fl.example.org')).toBe('fl.example.org')
    expect(made.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(made.subjectAltName).toContain('2001:DB8:0:0:0:0:0:7')
    expect(made.subjectAltName).toContain('0:0:0:0:0:0:0:1')
  })

  test('holds from a day ago for ten years, also beyond 2049', () => {
    expect(new Date(cert(['a']).validFrom).getTime()).toBe(nowMs - 24 * 3600 * 1000)
    expect(new Date(cert(['a']).validTo).getUTCFullYear()).toBe(2036)
    expect(new Date(cert(['a'], Date.UTC(2045, 0, 2)).validTo).getUTCFullYear()).toBe(2054)
  })

  test('has another serial number and another key each time', () => {
    const serials = new Set(Array.from({ length: 20 }, () => cert(['a']).serialNumber))
    expect(serials.size).toBe(20)
  })
})

describe('a coordinator with a certificate of its own making', () => {
  test('is believed by the pin in the kit', async () => {
    const coordinator = await running({ self: true })
    expect(coordinator.url).toMatch(/^https:/)
    const { kit, site, outcome } = await enrolling(coordinator)
    expect(kit.tlsPin).toBe(coordinator.made.tlsPin)
    expect(await outcome).toMatchObject({ site: 'north', transport: { pin: kit.tlsPin } })
    expect(await readFile(join(site, 'site.json'), 'utf8')).toContain(kit.tlsPin ?? 'a pin')
    const pem = await readFile(join(coordinator.dir, 'keys', 'tls.crt'))
    expect(spkiPin(pem)).toBe(kit.tlsPin)
  })

  test('is refused for good under another pin, before anything is said', async () => {
    const coordinator = await running({ self: true })
    const lines: string[] = []
    const { outcome } = await enrolling(coordinator, { tlsPin: 'A'.repeat(43) }, {}, lines)
    expect(await codeOf(outcome)).toBe('ERR_TLS_PIN')
    expect(lines.join('')).not.toContain('coordinator.joined')
  })

  test('is not believed without a pin', async () => {
    const coordinator = await running({ self: true })
    const lines: string[] = []
    const { site, outcome } = await enrolling(coordinator, { tlsPin: undefined }, {}, lines)
    outcome.catch(() => undefined)
    await expect.poll(() => lines.join('')).toContain('coordinator.waiting')
    expect(lines.join('')).toMatch(/SELF_SIGNED/)
    expect(await readFile(join(site, 'site.json')).catch(() => null)).toBeNull()
  })

  test('answers nothing below TLS 1.2', async () => {
    const { coordinator } = await running({ self: true })
    const answer = (options: RequestOptions): Promise<string> =>
      new Promise((resolve) => {
        const sent = request(coordinator.url, { ...options, rejectUnauthorized: false }, ({ statusCode }) =>
          resolve(String(statusCode)),
        )
        sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'an error')).end()
      })
    const old = { minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    expect(await answer({ ...old, maxVersion: 'TLSv1.2' })).toBe('302')
    expect(await answer({ ...old, maxVersion: 'TLSv1.1' })).toMatch(/^E/)
  })
})

describe('a coordinator with a given certificate', () => {
  test('is believed by its authority, and only by it', async () => {
    const { cert, key } = await pemFiles()
    const coordinator = await running({ cert, key })
    const { kit, outcome } = await enrolling(coordinator, {}, { ca: cert })
    expect(kit.tlsPin).toBeUndefined()
    expect(await outcome).toMatchObject({ site: 'north', transport: { ca: cert } })
  })

  test('puts its pin into kits when it is told to', async () => {
    const { cert, key, made } = await pemFiles(['elsewhere.example'])
    const { outcome } = await enrolling(await running({ cert, key, pinned: true }))
    expect(await outcome).toMatchObject({ transport: { pin: spkiPin(Buffer.from(made.cert)) } })
  })

  test.each([
    ['a key that is not its own', async () => ({ ...(await pemFiles()), key: (await pemFiles()).key })],
    ['a file that is not there', async () => ({ ...(await pemFiles()), cert: '/no/such/file' })],
    [
      'a file that is no PEM',
      async () => {
        const files = await pemFiles()
        await writeFile(files.cert, 'no certificate')
        return files
      },
    ],
  ])('is not made with %s', async (_, files) => {
    const { cert, key } = await files()
    const dir = join(await temporaryFolder(), 'new')
    const made = initCoordinator({ dir, tls: { cert, key } })
    await expect(made).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
    await expect(made).rejects.not.toThrow(/no\/such|BEGIN|tmp/)
  })
})

describe('mutual TLS', () => {
  test('lets in a site with a certificate of the authority, and no other', async () => {
    const [server, client, stranger] = [await pemFiles(), await pemFiles(['north']), await pemFiles(['x'])]
    const coordinator = await running({
      cert: server.cert,
      key: server.key,
      clientCa: client.cert,
      pinned: true,
    })
    const lines: string[] = []
    for (const transport of [{}, { cert: stranger.cert, key: stranger.key }]) {
      const { outcome } = await enrolling(coordinator, {}, transport, lines)
      outcome.catch(() => undefined)
    }
    await expect.poll(() => lines.filter((line) => line.includes('coordinator.waiting')).length).toBe(2)
    const { outcome } = await enrolling(coordinator, {}, { cert: client.cert, key: client.key })
    expect(await outcome).toMatchObject({ site: 'north' })
    expect(lines.join('')).not.toContain('coordinator.joined')
  })

  test('a file that is not there ends the enrolment with its role, not its path', async () => {
    const { dir } = await running({ self: true })
    const { outcome } = await enrolling({ dir, url: 'https://127.0.0.1:9' }, {}, { cert: '/no/such/cert' })
    await expect(outcome).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: 'TLS certificate must be a file that can be read, got ENOENT',
    })
  })
})

describe('plain http', () => {
  const enrolAt = async (url: string, changes: object = {}) => {
    const dir = join(await temporaryFolder(), 'coordinator')
    await initCoordinator({ dir, url: 'http://127.0.0.1:9' })
    return enrolling({ dir, url }, changes)
  }

  test.each(['http://fl.example.org', 'http://10.0.0.7:7433', 'http://127.0.0.1.example.org'])(
    'is refused to %s',
    async (url) => {
      const { outcome } = await enrolAt(url)
      expect(await codeOf(outcome)).toBe('ERR_TLS_REQUIRED')
    },
  )

  test.each(['http://127.0.0.1:9', 'http://localhost:9', 'http://[::1]:9'])(
    'is allowed to %s',
    async (url) => {
      const lines: string[] = []
      const dir = join(await temporaryFolder(), 'coordinator')
      await initCoordinator({ dir })
      const { outcome } = await enrolling({ dir, url }, {}, {}, lines)
      outcome.catch(() => undefined)
      await expect.poll(() => lines.join('')).toContain('ERR_COORDINATOR_UNREACHABLE')
    },
  )

  test('is allowed by a kit that says so', async () => {
    const dir = join(await temporaryFolder(), 'coordinator')
    await initCoordinator({ dir })
    const { kit } = await invite({ dir, site: 'north', insecureHttp: true })
    expect(kit.insecureHttp).toBe(true)
    const { outcome } = await enrolAt('http://site.invalid', { insecureHttp: true })
    outcome.catch((thrown: { code: string }) => expect(thrown.code).not.toBe('ERR_TLS_REQUIRED'))
  })
})

describe('a reverse proxy', () => {
  test('must have an https address in front, and no TLS behind', async () => {
    const dir = await temporaryFolder()
    const init = (options: object) =>
      codeOf(initCoordinator({ dir: join(dir, 'x'), behindProxy: true, ...options }))
    expect(await init({})).toBe('ERR_CONFIG_INVALID')
    expect(await init({ url: 'http://fl.example.org' })).toBe('ERR_CONFIG_INVALID')
    expect(await init({ url: 'https://fl.example.org', tls: { self: true } })).toBe('ERR_CONFIG_INVALID')
    expect(await init({ url: 'https://fl.example.org' })).toBe('no refusal')
  })

  test("is believed in the log only: the client's own words before it are not even there", async () => {
    const dir = join(await temporaryFolder(), 'coordinator')
    await initCoordinator({ dir, url: 'https://fl.example.org', behindProxy: true })
    const lines: string[] = []
    const coordinator = await startCoordinator({
      dir,
      port: 0,
      log: createLog((line) => lines.push(line), systemClock),
    })
    onTestFinished(() => coordinator.close())
    const address = await proxied(coordinator.url, 'forged, 203.0.113.9', lines)
    expect(address).toBe('203.0.113.9')
    expect(lines.join('')).not.toContain('forged')
  })

  test('without one, X-Forwarded-For is not even read', async () => {
    const dir = join(await temporaryFolder(), 'coordinator')
    await initCoordinator({ dir })
    const lines: string[] = []
    const coordinator = await startCoordinator({
      dir,
      port: 0,
      log: createLog((line) => lines.push(line), systemClock),
    })
    onTestFinished(() => coordinator.close())
    expect(await proxied(coordinator.url, '203.0.113.9', lines)).toBe('127.0.0.1')
  })
})

/** Connects with a header as a proxy would set it, sends nonsense, and gives the address in the log line about it. */
async function proxied(url: string, forwardedFor: string, lines: string[]): Promise<string> {
  const { io } = await import('socket.io-client')
  const { createParser } = await import('@tessera/shared/protocol')
  const socket = io(url, {
    parser: createParser(),
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    extraHeaders: { 'x-forwarded-for': forwardedFor },
  })
  onTestFinished(() => void socket.disconnect())
  socket.on('connect', () => socket.emit('session:join', { token: 'nonsense' }, () => undefined))
  const find = () => lines.find((line) => line.includes('message.refused'))
  await expect.poll(find).toBeDefined()
  return (JSON.parse(find() ?? '{}') as { address: string }).address
}
