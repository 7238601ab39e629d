import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'

interface Service {
  readonly image: string
  readonly read_only: boolean
  readonly cap_drop: readonly string[]
  readonly security_opt: readonly string[]
  readonly ports?: readonly string[]
  readonly networks: readonly string[]
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly environment?: Readonly<Record<string, string>>
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>
}

const read = (name: string): string => readFileSync(new URL(`../../deploy/${name}`, import.meta.url), 'utf8')
const { services, networks } = parse(read('compose.yaml'), { merge: true }) as Compose

describe('deploy/compose.yaml', () => {
  test.each(Object.entries(services))('%s may do nothing that it need not', (_, service) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] })
    expect(service.security_opt).toContain('no-new-privileges:true')
  })

  test('lets the network in by Caddy alone, and the database see nobody but the coordinator', () => {
    expect(Object.keys(services).filter((name) => services[name]?.ports)).toEqual(['caddy'])
    const beside = Object.keys(services).filter((name) => services[name]?.networks.includes('inside'))
    expect(beside.toSorted()).toEqual(['coordinator', 'database', 'init'])
    expect(networks['inside']).toEqual({ internal: true })
  })

  test('holds a coordinator for healthy that says it is ready, and for nothing else', async () => {
    let status = 200
    const server = createServer(({ url }, response) =>
      response.writeHead(url === '/readyz' ? status : 404).end(),
    )
    onTestFinished(() => void server.close())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const [kind, node, flag = '', script = ''] = services['coordinator']?.healthcheck?.test ?? []
    expect([kind, node]).toEqual(['CMD', 'node'])
    const verdict = async (): Promise<unknown> =>
      (await once(spawn(process.execPath, [flag, script.replace('7433', `${port}`)]), 'exit'))[0]
    expect(await verdict()).toBe(0)
    status = 503
    expect(await verdict()).toBe(1)
    server.close()
    server.closeAllConnections()
    expect(await verdict()).toBe(1)
  })

  test('holds no secret: each comes from outside, and is asked for when it is missing', () => {
    const values = Object.values(services).flatMap(({ environment = {} }) => Object.entries(environment))
    const secrets = values.filter(([name]) => /PASSWORD|STORE/.test(name)).map(([, value]) => value)
    expect(secrets).toHaveLength(3)
    for (const secret of secrets) expect(secret).toMatch(/\$\{POSTGRES_PASSWORD:\?[^}]+\}/)
    expect(read('compose.env.example')).toMatch(/^POSTGRES_PASSWORD=$/m)
  })
})
