/**
 * @file A PostgreSQL server of a test file's own: Debian's programs, a temporary folder, a free port of 127.0.0.1, a password.
 *
 * PostgreSQL refuses to run as root; then it runs as `nobody`, to whom the folder is given.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { freePort } from './free-port.ts'

const DEBIAN = '/usr/lib/postgresql'
const NOBODY = 65534
const PASSWORD = 'pa55-w0rd'

export interface PostgresServer {
  readonly port: number
  /** A fresh, empty database; gives its connection string. */
  database(): Promise<string>
  /** Ends the server at once, as a machine that loses its power would, and starts it again on the same port. */
  restart(): Promise<void>
  kill(): Promise<void>
  start(): Promise<void>
  /** Ends the server and removes its folder. */
  stop(): Promise<void>
}

/** Starts a server. */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = await programs()
  const root = process.getuid?.() === 0
  const identity = root ? { uid: NOBODY, gid: NOBODY } : {}
  const folder = await mkdtemp(join(tmpdir(), 'tessera-postgres-'))
  const data = join(folder, 'data')
  const passwordFile = join(folder, 'password')
  await writeFile(passwordFile, PASSWORD)
  if (root) for (const path of [folder, passwordFile]) await chown(path, NOBODY, NOBODY)
  await promisify(execFile)(
    join(bin, 'initdb'),
    [
      '-D',
      data,
      '-U',
      'tessera',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '-E',
      'UTF8',
      '--no-locale',
      '-N',
    ],
    { ...identity, cwd: folder },
  )
  const port = await freePort()
  let server: ChildProcess | null = null
  let databases = 0

  const start = async (): Promise<void> => {
    const settings = {
      port: String(port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: folder,
      // What a test writes need not survive a power cut; it needs to survive `kill`, which it does.
      fsync: 'off',
      shared_buffers: '16MB',
      max_connections: '30',
      dynamic_shared_memory_type: 'mmap',
    }
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child = spawn(join(bin, 'postgres'), ['-D', data, ...flags], {
      ...identity,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    server = child
    const lines: string[] = []
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        lines.push(line)
        if (line.includes('ready to accept connections')) resolve()
      })
      child.once('exit', () => reject(new Error(`PostgreSQL ended:\n${lines.join('\n')}`)))
      child.once('error', reject)
    })
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server === null || server.exitCode !== null) return
    const ended = once(server, 'exit')
    server.kill(signal)
    await ended
    server = null
  }
  // Immediate shutdown: no farewell to its clients, recovery at the next start.
  const kill = (): Promise<void> => end('SIGQUIT')

  await start()
  return {
    port,
    start,
    kill,
    async restart() {
      await kill()
      await start()
    },
    async database() {
      const name = `test_${++databases}`
      await query(urlOf(port, 'postgres'), `CREATE DATABASE ${name}`)
      return urlOf(port, name)
    },
    async stop() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Runs statements in a session of their own; gives the rows of the last one. */
export async function query(url: string, ...statements: readonly string[]): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    let rows: unknown[] = []
    for (const statement of statements) rows = (await client.query(statement)).rows
    return rows
  } finally {
    await client.end()
  }
}

function urlOf(port: number, database: string): string {
  return `postgresql://tessera:${PASSWORD}@127.0.0.1:${port}/${database}`
}

/** The folder of the newest version that is installed. */
async function programs(): Promise<string> {
  const versions = await readdir(DEBIAN).catch(() => [])
  const newest = versions
    .map(Number)
    .filter(Number.isFinite)
    .toSorted((a, b) => b - a)[0]
  if (newest === undefined) throw new Error(`PostgreSQL must be in ${DEBIAN}: apt-get install postgresql`)
  return join(DEBIAN, String(newest), 'bin')
}
