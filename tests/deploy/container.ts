/** @file Containers of our images by buildah, without a daemon, in a chroot. They end with the test. */
import { execFileSync, spawn } from 'node:child_process'
import { onTestFinished } from 'vitest'
import { type WatchedProcess, watchProcess } from '../support/watched-process.ts'

/** User and group that the images run as. */
export const CONTAINER_USER = 10_001

export const command = (name: string, ...args: string[]): string =>
  execFileSync(name, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()

export interface Container {
  /** Where its root is seen on this machine. */
  readonly root: string
  start(...args: string[]): WatchedProcess
  /** Starts `tessera ...args`. */
  startTessera(...args: string[]): WatchedProcess
  /** Runs `tessera ...args` and gives what it prints. */
  tessera(...args: string[]): Promise<string>
}

/** Makes one, with folders of this machine mounted: `{ '/data': folder }`, `'/tiles:ro'`. */
export function container(image: string, folders: Readonly<Record<string, string>>): Container {
  const id = command('buildah', 'from', `localhost/${image}`)
  const root = command('buildah', 'mount', id)
  onTestFinished(() => void command('buildah', 'rm', id))
  const volumes = Object.entries(folders).flatMap(([target, folder]) => {
    const [path = target, mode] = target.split(':')
    return ['--volume', [folder, path, ...(mode ? [mode] : [])].join(':')]
  })
  const start = (...args: string[]): WatchedProcess => {
    const child = spawn('buildah', ['run', '--isolation=chroot', ...volumes, id, '--', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onTestFinished(() => void child.kill('SIGTERM'))
    return watchProcess(child, args.join(' '))
  }
  const startTessera = (...args: string[]): WatchedProcess => start('node', '/app/cli/tessera.mjs', ...args)
  return {
    root,
    start,
    startTessera,
    async tessera(...args) {
      const { done, lines } = startTessera(...args)
      await done
      return lines.join('\n')
    },
  }
}

/**
 * Runs a program with the root file system mounted read-only, and `data` at /data, as Kubernetes and `docker run --read-only` do. buildah cannot: it makes
 * places for its own mounts in the root.
 */
export function runReadOnly({ root }: Container, data: string, ...args: string[]): string {
  const script = `set -e
    mount --bind "$1" "$1"
    mount -o remount,bind,ro "$1"
    mount --bind "$2" "$1/data"
    root=$1
    shift 2
    exec chroot --userspec=${CONTAINER_USER}:${CONTAINER_USER} "$root" "$@"`
  return command(
    'env',
    'TSX_DISABLE_CACHE=1',
    'unshare',
    '--mount',
    'sh',
    '-c',
    script,
    'sh',
    root,
    data,
    ...args,
  )
}
