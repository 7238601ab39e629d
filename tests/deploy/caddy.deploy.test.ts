import { fileURLToPath } from 'node:url'
import { MAX_MODEL_BYTES } from '@tessera/shared/protocol'
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
  // A frame of long polling, and a whole teacher where the dashboard sends one.
  const limits = [...adapted.matchAll(/"max_size":(\d+)/g)].map(([, bytes]) => Number(bytes))
  expect(limits.toSorted((a, b) => a - b)).toEqual([4 * 1024 * 1024, MAX_MODEL_BYTES])
  expect(adapted.match(/"path":\["\/dashboard\/api\/uploads"\]/g)).toHaveLength(2)
})
