import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { silentLog } from '@tessera/shared/log'
import { createWebApp, readStaticFiles, serveStatic, type WebApp } from '@tessera/shared/web'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../support/temporary-folder.ts'

async function served(): Promise<WebApp> {
  const root = await temporaryFolder()
  const folder = join(root, 'page')
  await mkdir(join(folder, 'assets'), { recursive: true })
  await writeFile(join(root, 'secret.json'), 'a secret')
  await writeFile(join(folder, 'index.html'), '<!doctype html>')
  await writeFile(join(folder, 'assets', 'app-Bx1yZ2_a.js'), 'let a = 1'.repeat(100))
  await writeFile(join(folder, 'notes.txt'), 'not a part of the page')
  const app = createWebApp(silentLog)
  app.use(serveStatic(await readStaticFiles(folder), '/dashboard/'))
  return app
}

describe('serveStatic()', () => {
  test('the folder is its index, asked for again each time, and not sent again when it is the same', async () => {
    const app = await served()
    const response = await app.request('/dashboard/')
    expect(await response.text()).toBe('<!doctype html>')
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('no-cache')
    const etag = response.headers.get('etag') ?? ''
    const again = await app.request('/dashboard/index.html', { headers: { 'if-none-match': etag } })
    expect([again.status, await again.text()]).toEqual([304, ''])
  })

  test('a file with a hash in its name is kept for good, and compressed for who can read that', async () => {
    const app = await served()
    const path = '/dashboard/assets/app-Bx1yZ2_a.js'
    const plain = await app.request(path)
    expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    const packed = await app.request(path, { headers: { 'accept-encoding': 'gzip, br' } })
    expect(packed.headers.get('content-encoding')).toBe('br')
    const bytes = Buffer.from(await packed.arrayBuffer())
    expect(brotliDecompressSync(bytes).toString()).toBe(await plain.text())
  })

  test.each([
    '/dashboard/../secret.json',
    '/dashboard/..%2fsecret.json',
    '/dashboard/%2e%2e/secret.json',
    '/dashboard/assets/../../secret.json',
    '/dashboard//etc/passwd',
    '/dashboard/notes.txt',
    '/dashboard/assets',
    '/dashboard/constructor',
  ])('%s is not there', async (path) => {
    expect((await (await served()).request(path)).status).toBe(404)
  })

  test('is only read', async () => {
    expect((await (await served()).request('/dashboard/', { method: 'POST' })).status).toBe(404)
  })
})
