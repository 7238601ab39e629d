/**
 * @file A proxy as hospitals have them, as a process of its own: `node hospital-proxy.mjs SETTINGS`, one JSON document. Tells its port and what it
 * does as JSON lines. It ends with its standard input, so that it cannot outlive a test.
 *
 * `{ kind: 'forward', auth?: 'user:password', secure?: { cert, key, upstream: 'tls' | 'plain' } }`: CONNECT; with `secure` it ends TLS itself and reads along.
 * `{ kind: 'reverse', target: port, strip?: '/path', noWebSocket?: true, idleMs?: number }`: in front of the coordinator's side.
 */
import { createServer, request as httpRequest } from 'node:http'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls, TLSSocket } from 'node:tls'

const settings = JSON.parse(process.argv[2])
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`)

/** Both ways, until one end goes; an idle pair is cut without a word, as firewalls do. */
function join(client, target) {
  for (const [from, to, side] of [
    [client, target, 'client'],
    [target, client, 'server'],
  ]) {
    from.on('data', (bytes) => {
      to.write(bytes)
      tell({ passed: side })
    })
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
  if (settings.idleMs === undefined) return
  let timer = null
  const cut = () => {
    tell({ cut: 'idle' })
    client.destroy()
    target.destroy()
  }
  const wind = () => {
    clearTimeout(timer)
    timer = setTimeout(cut, settings.idleMs)
  }
  wind()
  for (const socket of [client, target]) socket.on('data', wind).on('close', () => clearTimeout(timer))
}

/** Gives the client's side of the tunnel: as it is, or decrypted with a certificate of the proxy's own. */
function tunnelEnds(client, host, port) {
  const { secure } = settings
  if (secure === undefined) return [client, connectTcp(port, host)]
  const opened = new TLSSocket(client, { isServer: true, cert: secure.cert, key: secure.key })
  // Whether the other side can be believed is not what this proxy is here to show.
  const target =
    secure.upstream === 'tls' ? connectTls({ host, port, rejectUnauthorized: false }) : connectTcp(port, host)
  return [opened, target]
}

const server = createServer()
if (settings.kind === 'forward') {
  const wanted = settings.auth && `Basic ${Buffer.from(settings.auth).toString('base64')}`
  server.on('request', (_, response) => response.writeHead(403).end())
  server.on('connect', ({ url, headers }, client) => {
    client.on('error', () => undefined)
    if (wanted && headers['proxy-authorization'] !== wanted) {
      tell({ refused: 407 })
      client.end(
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="proxy"\r\n\r\n',
      )
      return
    }
    tell({ connect: url })
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    const { hostname, port } = new URL(`tcp://${url}`)
    join(...tunnelEnds(client, hostname, Number(port)))
  })
} else {
  const { target: port, strip } = settings
  const upstream = ({ method, url, headers }) => {
    tell({ request: url.split('?')[0] })
    return {
      method,
      headers,
      port,
      host: '127.0.0.1',
      path: strip && url.startsWith(`${strip}/`) ? url.slice(strip.length) : url,
    }
  }
  server.on('request', (request, response) => {
    const sent = httpRequest(upstream(request), (answer) => {
      response.writeHead(answer.statusCode, answer.headers)
      answer.pipe(response)
    })
    sent.on('error', () => response.destroy())
    response.on('close', () => sent.destroy())
    request.pipe(sent)
  })
  server.on('upgrade', (request, client, head) => {
    client.on('error', () => undefined)
    if (settings.noWebSocket) {
      tell({ refused: 'websocket' })
      client.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n')
      return
    }
    const sent = httpRequest(upstream(request))
    sent.on('error', () => client.destroy())
    sent.on('upgrade', (answer, target, first) => {
      const lines = answer.rawHeaders.flatMap((name, i) =>
        i % 2 ? [] : `${name}: ${answer.rawHeaders[i + 1]}\r\n`,
      )
      client.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`)
      client.write(first)
      target.write(head)
      join(client, target)
    })
    sent.end()
  })
}
server.listen(0, '127.0.0.1', () => tell({ port: server.address().port }))
process.stdin.resume().on('close', () => process.exit())
