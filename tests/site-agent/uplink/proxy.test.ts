import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { initCoordinator, invite, startCoordinator } from '@tessera/coordinator'
import { systemClock } from '@tessera/shared/clock'
import { createLog } from '@tessera/shared/log'
import { enroll } from '@tessera/site-agent'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { proxyFor } from '../../../site-agent/uplink/proxy-agent.ts'
import { checkTransport, type Transport } from '../../../site-agent/uplink/transport.ts'
import { authority } from '../../support/authority.ts'
import { hospitalProxy } from '../../support/hospital-proxy.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

afterEach(() => vi.unstubAllEnvs())

type Init = Parameters<typeof initCoordinator>[0]

/** A running coordinator whose kit for the site north says this address. */
async function coordinator(init: Partial<Init> = {}, address = (port: number) => `http://127.0.0.1:${port}`) {
  const dir = join(await temporaryFolder(), 'coordinator')
  await initCoordinator({ dir, port: 0, ...init })
  const running = await startCoordinator({ dir, port: 0 })
  onTestFinished(() => running.close())
  const { file } = await invite({ dir, site: 'north', url: address(running.port), autoApprove: true })
  return { dir, port: running.port, kitFile: file }
}

/** Enrols north, by this kit. `lines`: its log. */
function enrolling(kitFile: string, transport: Transport, dir: string) {
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  const lines: string[] = []
  const log = createLog((line) => lines.push(line), systemClock)
  const outcome = enroll({ kitFile, dir, log, clock: systemClock, signal: stop.signal, transport })
  outcome.catch(() => undefined)
  return { lines, outcome }
}
/** Changes what a kit says. */
async function readdress(kitFile: string, changes: object): Promise<void> {
  const kit = JSON.parse(await readFile(kitFile, 'utf8')) as object
  await writeFile(kitFile, JSON.stringify({ ...kit, ...changes }))
}
const siteDir = async () => join(await temporaryFolder(), 'site')

const secured = async (pinned: boolean) => {
  const server = await authority()
  const dir = await temporaryFolder()
  await writeFile(join(dir, 'cert.pem'), server.cert)
  await writeFile(join(dir, 'key.pem'), server.key)
  const tls = {
    cert: join(dir, 'cert.pem'),
    key: join(dir, 'key.pem'),
    ...(pinned && { pinned: true as const }),
  }
  return { ca: server.ca, ...(await coordinator({ tls }, (port) => `https://localhost:${port}`)) }
}

describe('a proxy with CONNECT', () => {
  test('is gone through with TLS to the coordinator itself, and is kept for the agent', async () => {
    const { ca, port, kitFile } = await secured(false)
    const proxy = await hospitalProxy({ kind: 'forward' })
    const dir = await siteDir()
    const { outcome } = enrolling(kitFile, { ca, proxy: proxy.url }, dir)
    expect(await outcome).toMatchObject({ site: 'north', transport: { proxy: proxy.url } })
    expect(proxy.events[0]).toEqual({ connect: `localhost:${port}` })
    expect(JSON.parse(await readFile(join(dir, 'site.json'), 'utf8'))).toMatchObject({
      transport: { ca, proxy: proxy.url },
    })
  })

  test('carries a connection that believes a pin', async () => {
    const { kitFile } = await secured(true)
    const proxy = await hospitalProxy({ kind: 'forward' })
    expect(await enrolling(kitFile, { proxy: proxy.url }, await siteDir()).outcome).toMatchObject({
      site: 'north',
    })
  })

  test('that wants a user is named in one line, with what it answered', async () => {
    const { port, kitFile } = await coordinator()
    const proxy = await hospitalProxy({ kind: 'forward', auth: 'agent:secret' })
    const { lines } = enrolling(kitFile, { proxy: proxy.url }, await siteDir())
    await expect.poll(() => proxy.events.filter(({ refused }) => refused === 407).length).toBeGreaterThan(2)
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        event: 'coordinator.waiting',
        code: 'ERR_PROXY_TUNNEL',
        reason: `proxy must open a tunnel to 127.0.0.1:${port}, got HTTP status 407, it wants a user and a password`,
      }),
    ])
  })

  test('gets a user and a password from the address', async () => {
    const { port, kitFile } = await coordinator()
    const proxy = await hospitalProxy({ kind: 'forward', auth: 'agent:p@ss' })
    vi.stubEnv('HTTP_PROXY', proxy.url.replace('//', '//agent:p%40ss@'))
    vi.stubEnv('NO_PROXY', '')
    // A name of this machine that does not look like it: what is on loopback goes through no proxy of the environment.
    await readdress(kitFile, { coordinatorUrl: `http://0.0.0.0:${port}`, insecureHttp: true })
    const { lines, outcome } = enrolling(kitFile, {}, await siteDir())
    const { transport } = await outcome
    expect(proxy.events[0]).toEqual({ connect: `0.0.0.0:${port}` })
    expect(JSON.stringify([lines, transport])).not.toMatch(/p@ss|p%40ss/)
  })

  test('that is not there is named, and not the coordinator', async () => {
    const { kitFile } = await coordinator()
    const { lines } = enrolling(kitFile, { proxy: 'http://127.0.0.1:9' }, await siteDir())
    await expect.poll(() => lines.join('')).toMatch(/proxy must open a tunnel to .*, got ECONNREFUSED/)
  })
})

describe('a proxy that reads along', () => {
  test('is believed by its own authority, and only by it', async () => {
    const { kitFile } = await secured(false)
    const { ca, cert, key } = await authority()
    const proxy = await hospitalProxy({ kind: 'forward', secure: { cert, key, upstream: 'tls' } })
    const without = enrolling(kitFile, { proxy: proxy.url }, await siteDir())
    await expect
      .poll(() => without.lines.join(''))
      .toMatch(/coordinator must answer at .*, got [A-Z_]*VERIFY[A-Z_]*/)
    const believing = enrolling(kitFile, { proxy: proxy.url, ca }, await siteDir())
    expect(await believing.outcome).toMatchObject({ site: 'north' })
  })

  test('is refused for good by a site that holds the pin of the coordinator', async () => {
    const { kitFile } = await secured(true)
    const { ca, cert, key } = await authority()
    const proxy = await hospitalProxy({ kind: 'forward', secure: { cert, key, upstream: 'tls' } })
    const { outcome } = enrolling(kitFile, { proxy: proxy.url, ca }, await siteDir())
    await expect(outcome).rejects.toMatchObject({ code: 'ERR_TLS_PIN' })
  })
})

describe('a proxy that lets no WebSocket through', () => {
  test('costs one line, and long polling works', async () => {
    const { port, kitFile } = await coordinator()
    const proxy = await hospitalProxy({ kind: 'reverse', target: port, noWebSocket: true })
    await readdress(kitFile, { coordinatorUrl: proxy.url })
    const { lines, outcome } = enrolling(kitFile, {}, await siteDir())
    expect(await outcome).toMatchObject({ site: 'north' })
    expect(proxy.events[0]).toEqual({ refused: 'websocket' })
    expect(lines.filter((line) => line.includes('coordinator.polling'))).toHaveLength(1)
  })
})

describe("a path in the coordinator's address", () => {
  test.each([
    ['passes it on', {}],
    ['takes it off', { strip: '/tessera' }],
  ])('is served when the proxy %s', async (_, how) => {
    const { port, kitFile } = await coordinator({ url: 'https://fl.example.org/tessera/', behindProxy: true })
    const proxy = await hospitalProxy({ kind: 'reverse', target: port, ...how })
    await readdress(kitFile, { coordinatorUrl: `${proxy.url}/tessera` })
    expect(await enrolling(kitFile, {}, await siteDir()).outcome).toMatchObject({ site: 'north' })
    expect(proxy.events[0]).toEqual({ request: '/tessera/socket.io/' })
  })
})

describe('proxyFor()', () => {
  const coordinatorUrl = 'https://fl.example.org'

  test('is the setting before the environment, and none where NO_PROXY says so', () => {
    vi.stubEnv('HTTPS_PROXY', 'http://env.example:3128')
    vi.stubEnv('NO_PROXY', '')
    expect(proxyFor(coordinatorUrl, {})?.host).toBe('env.example:3128')
    expect(proxyFor(coordinatorUrl, { proxy: 'http://own.example:8080' })?.host).toBe('own.example:8080')
    vi.stubEnv('NO_PROXY', 'localhost,.example.org')
    expect(proxyFor(coordinatorUrl, {})).toBeNull()
  })

  test("is not the environment's for this machine", () => {
    vi.stubEnv('HTTP_PROXY', 'http://env.example:3128')
    vi.stubEnv('HTTPS_PROXY', 'http://env.example:3128')
    vi.stubEnv('NO_PROXY', '')
    expect(proxyFor('http://127.0.0.1:7433', {})).toBeNull()
    expect(proxyFor('https://localhost:7433', {})).toBeNull()
  })

  test('must be http or https', () => {
    vi.stubEnv('HTTPS_PROXY', 'socks5://user:secret@env.example')
    vi.stubEnv('NO_PROXY', '')
    expect(() => proxyFor(coordinatorUrl, {})).toThrow(
      expect.objectContaining({
        code: 'ERR_CONFIG_INVALID',
        message: 'proxy must be an http or https address, got socks5:',
      }),
    )
  })

  test('with a password is no setting that would be kept in a file', () => {
    const check = () => checkTransport({ proxy: 'http://user:secret@own.example:8080' })
    expect(check).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
    expect(check).not.toThrow(/secret/)
  })
})
