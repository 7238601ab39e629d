import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { importedModules } from '../../support/imports.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const sources = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', 'site-agent/**/*.ts', 'site-agent/*.ts'],
  {
    cwd: root,
    encoding: 'utf8',
  },
)
  .trim()
  .split('\n')

/** Ways out of a Node process. A worker thread is none: its modules are among the sources here. */
const DOORS =
  /^(node:)?(net|tls|http|https|http2|dgram|dns|child_process|cluster)(\/|$)|^socket\.io-client$|^(ws|undici|agent-base|https-proxy-agent)$/

/** They answer on the machine's loopback, and dial nobody. */
const LISTENERS = ['site-agent/dashboard/open.ts', 'site-agent/operation/serve.ts']

describe('ways out of a site', () => {
  test('only the three files of uplink/ that make its socket open a connection; dashboard and metrics listen', () => {
    const users = sources.filter((file) =>
      importedModules(readFileSync(`${root}${file}`, 'utf8')).some((name) => DOORS.test(name)),
    )
    expect(users.toSorted()).toEqual([
      ...LISTENERS,
      'site-agent/uplink/proxy-agent.ts',
      'site-agent/uplink/socket.ts',
      'site-agent/uplink/tls-agent.ts',
    ])
  })

  test.each(LISTENERS)('%s can do no more with HTTP than listen', (file) => {
    const source = readFileSync(`${root}${file}`, 'utf8')
    expect(source.match(/^import .* from 'node:http'$/gm)).toEqual([
      "import { createServer } from 'node:http'",
    ])
  })

  test('the dashboard serves nothing that reads an image', () => {
    const images = sources
      .filter((file) => file.startsWith('site-agent/dashboard/'))
      .filter((file) =>
        /^import (?!type).*'\.\.\/data(-check)?\//m.test(readFileSync(`${root}${file}`, 'utf8')),
      )
    expect(images).toEqual([])
  })

  test('no file fetches, opens a WebSocket or reports anywhere by a global', () => {
    const users = sources.filter((file) =>
      /\b(fetch\(|new WebSocket|new EventSource|XMLHttpRequest|sendBeacon)/.test(
        readFileSync(`${root}${file}`, 'utf8'),
      ),
    )
    expect(users).toEqual([])
  })

  test('only data/ reads images', () => {
    const readers = (library: string): string[] =>
      sources.filter((file) => importedModules(readFileSync(`${root}${file}`, 'utf8')).includes(library))
    expect(readers('sharp')).toEqual(['site-agent/data/decode.ts', 'site-agent/data/wsi/read-slide-tile.ts'])
    // What opens a library of the system: libopenslide.
    expect(readers('koffi')).toEqual(['site-agent/data/wsi/library.ts'])
  })
})
