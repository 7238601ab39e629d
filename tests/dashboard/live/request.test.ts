import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { request } from '../../../dashboard/live/request.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function answering(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(
    () => server.closeAllConnections(),
    () => server.close(),
  )
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

describe('request()', () => {
  test('gives the answer', async () => {
    const url = await answering((_, response) => response.end('{"rounds":3}'))
    expect(await request(url, { unreachable: 'gone' })).toEqual({ rounds: 3 })
  })
  test('posts JSON, even when there is nothing to say', async () => {
    const heard: unknown[] = []
    const url = await answering((asked, response) => {
      heard.push(asked.method, asked.headers['content-type'])
      response.end('{}')
    })
    await request(url, { body: {}, unreachable: 'gone' })
    expect(heard).toEqual(['POST', 'application/json'])
  })
  test('a refusal has its code and its sentence', async () => {
    const url = await answering((_, response) => {
      response.statusCode = 409
      response.end('{"code":"ERR_STUDY_OVER","message":"study must be running, got a finished one"}')
    })
    await expect(request(url, { unreachable: 'gone' })).rejects.toMatchObject({
      code: 'ERR_STUDY_OVER',
      message: 'study must be running, got a finished one',
    })
  })
  test('what a proxy says in HTML is told by its status', async () => {
    const url = await answering((_, response) => {
      response.statusCode = 502
      response.end('<html>')
    })
    await expect(request(url, { unreachable: 'gone' })).rejects.toMatchObject({
      code: '',
      message: '502 Bad Gateway',
    })
  })
  test('no answer at all is said in the words of the page', async () => {
    const url = await answering((asked) => asked.socket.destroy())
    await expect(request(url, { unreachable: 'gone' })).rejects.toMatchObject({ code: '', message: 'gone' })
  })
})
