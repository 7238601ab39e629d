/**
 * @file Completes package-lock.json with the prebuilt packages of other platforms: `npm run lock` after a change of dependencies.
 *
 * A registry mirror may carry the prebuilt packages of some platforms only. `npm install` then leaves the others out of the lock without a word, and
 * `npm ci` refuses the lock. The entries written here name version, system and processor, which is what npm needs to pass over them; those that a
 * mirror could not give have no integrity.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
]
const PROCESSORS = [
  'arm',
  'arm64',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
]

/** System, processor and C library in a package's name: `@oxlint/binding-linux-arm64-musl`. */
function platformOf(name) {
  const words = name.replace('linuxmusl', 'linux-musl').replaceAll('ppc64le', 'ppc64').split(/[-/]/)
  const of = (known) => known.filter((word) => words.includes(word))
  const libc = words.some((word) => word.startsWith('musl'))
    ? ['musl']
    : words.some((word) => word.startsWith('gnu'))
      ? ['glibc']
      : []
  return { os: of(SYSTEMS), cpu: of(PROCESSORS), libc }
}

const file = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(file, 'utf8'))
let added = 0
for (const [path, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(optionalDependencies)) {
    const places = [`${path}/node_modules/${name}`, `node_modules/${name}`]
    if (places.some((place) => place in lock.packages)) continue
    const { os, cpu, libc } = platformOf(name)
    if (os.length + cpu.length === 0) continue
    lock.packages[`node_modules/${name}`] = {
      version: range.replace(/^[\^~]/, ''),
      ...(cpu.length > 0 ? { cpu } : {}),
      ...(dev ? { dev } : {}),
      ...(libc.length > 0 ? { libc } : {}),
      optional: true,
      ...(os.length > 0 ? { os } : {}),
    }
    added++
  }
}
const [root, ...rest] = Object.entries(lock.packages)
lock.packages = Object.fromEntries([root, ...rest.toSorted(([a], [b]) => (a < b ? -1 : 1))])
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
process.stdout.write(`${added} packages of other platforms added to package-lock.json\n`)
