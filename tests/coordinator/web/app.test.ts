import { request } from 'node:http'
import { startCoordinator } from '@tessera/coordinator'
import { describe, expect, onTestFinished, test } from 'vitest'
import { coordinatorFolder } from '../raw-site.ts'

async function running(): Promise<string> {
  const coordinator = await startCoordinator({ dir: await coordinatorFolder(), port: 0 })
  onTestFinished(() => coordinator.close())
  return coordinator.url
}

describe("the coordinator's port", () => {
  test('leads to the dashboard by a relative address, whatever path a proxy has put in front', async () => {
    const response = await fetch(`${await running()}/`, { redirect: 'manual' })
    expect(response.status).toBe(302)
    expect(response.headers.get('location')).toBe('dashboard/')
  })

  test('answers an unknown address with a code, while Socket.IO keeps its own', async () => {
    const url = await running()
    expect(await (await fetch(`${url}/nowhere`)).json()).toMatchObject({ code: 'ERR_PAGE_UNKNOWN' })
    expect((await fetch(`${url}/socket.io/?EIO=4&transport=polling`)).status).toBe(200)
  })

  test('ends the connection of a body that nobody reads', async () => {
    const { port, hostname } = new URL(await running())
    const ended = await new Promise<number | undefined>((resolve, reject) => {
      const asked = request({ port, hostname, path: '/nowhere', method: 'POST' })
      asked.on('error', reject)
      asked.on('response', (response) => {
        response.resume()
        asked.socket?.once('close', () => resolve(response.statusCode))
      })
      // Begins a body, and never ends it.
      asked.write('x')
    })
    expect(ended).toBe(404)
  })
})
