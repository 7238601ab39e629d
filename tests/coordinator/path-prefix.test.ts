import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { takeOffPrefix } from '../../coordinator/path-prefix.ts'

/** What a server at this address sees of a path. */
async function seen(url: string, path: string, headers = {}): Promise<string> {
  const server = createServer((asked, response) => response.end(asked.url))
  server.on('upgrade', (asked, socket) => socket.end(`HTTP/1.1 400 No\r\n\r\n${asked.url}`))
  takeOffPrefix(server, url)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const sent = request({ port: (server.address() as AddressInfo).port, path, headers }).end()
  const [answer] = (await once(sent, 'response')) as [AsyncIterable<Buffer>]
  let text = ''
  for await (const chunk of answer) text += chunk.toString()
  return text
}

describe('takeOffPrefix()', () => {
  const url = 'https://example.org/a/tessera/'
  test.each([
    ['with it', '/a/tessera/socket.io/?x=1', '/socket.io/?x=1'],
    ['without it', '/socket.io/', '/socket.io/'],
    ['that only begins alike', '/a/tesseract/socket.io/', '/a/tesseract/socket.io/'],
  ])('shows a path %s', async (_, path, want) => {
    expect(await seen(url, path)).toBe(want)
    const upgrade = { connection: 'upgrade', upgrade: 'websocket' }
    expect(await seen(url, path, upgrade)).toBe(want)
  })

  test('leaves everything as it is for an address without a path', async () => {
    expect(await seen('https://example.org', '//socket.io/')).toBe('//socket.io/')
  })
})
