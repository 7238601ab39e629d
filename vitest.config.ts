import { configDefaults, defineConfig } from 'vitest/config'

/** The engine under test; not `auto`, which would depend on what this machine has installed. CI runs the suite once for each. */
const engine = process.env.TESSERA_ENGINE ?? 'wasm'

/**
 * Folders whose modules keep nothing between calls: their files share a process and load what they import once, which takes half the time. Elsewhere each file
 * has a process of its own: a back end of TensorFlow.js, a WebAssembly memory and a pool of threads are there once a process.
 */
const SHARE_A_PROCESS = [
  'tests/cli',
  'tests/conformance',
  'tests/coordinator/!(reducing)',
  'tests/docs',
  'tests/protocol',
  'tests/shared/!(engine|model|reduction)',
  'tests/site-agent/{data,page,policy,screen,uplink}',
  'tests/simulations/{partition,tiles}',
].flatMap((folder) => [`${folder}/**/*.test.ts`, `${folder}.test.ts`])

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'shared process', include: SHARE_A_PROCESS, isolate: false } },
      {
        extends: true,
        test: { name: 'own process', include: ['tests/**/*.test.ts'], exclude: SHARE_A_PROCESS },
      },
    ],
    exclude: [
      ...configDefaults.exclude,
      // What only the native engine has.
      ...(engine === 'tensorflow' ? [] : ['tests/**/*.native.test.ts']),
      // What needs libopenslide. CI has it and sets this.
      ...(process.env.TESSERA_SLIDES === '1' ? [] : ['tests/**/*.slides.test.ts']),
      // What needs Chromium. CI has it and sets this.
      ...(process.env.TESSERA_BROWSER === '1' ? [] : ['tests/browser/**']),
      // What installs, builds and starts whole machines: images, a chart, units, a bundle. CI has what they need and sets this.
      ...(process.env.TESSERA_DEPLOY === '1' ? [] : ['tests/deploy/**/*.deploy.test.ts']),
      // What needs PostgreSQL's programs. CI has them and sets this.
      ...(process.env.TESSERA_POSTGRES === '1' ? [] : ['tests/**/*.postgres.test.ts']),
    ],
    // Nor TESSERA_STORE: no test may write into a database of somebody who has set it.
    env: { TESSERA_ENGINE: engine, TESSERA_STORE: '' },
    // Processes, not threads: each test file gets its own TensorFlow.js back end and its own WebAssembly memory.
    pool: 'forks',
    maxWorkers: 2,
    // Generous: they end what hangs, and are not there to time anything on a busy machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 50_000, interval: 10 } },
  },
})
