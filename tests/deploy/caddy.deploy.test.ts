import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { command } from './container.ts'

test('Caddy understands deploy/Caddyfile: it passes to the coordinator whatever comes for the domain', () => {
  const file = fileURLToPath(new URL('../../deploy/Caddyfile', import.meta.url))
  const adapted = command(
    'env',
    'TESSERA_DOMAIN=fl.example.org',
    'caddy',
    'adapt',
    '--adapter',
    'caddyfile',
    '--config',
    file,
  )
  expect(adapted).toContain('"host":["fl.example.org"]')
  expect(adapted).toContain('"upstreams":[{"dial":"coordinator:7433"}]')
  expect(adapted).toContain(`"max_size":${4 * 1024 * 1024}`)
})
