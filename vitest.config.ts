import { configDefaults, defineConfig } from 'vitest/config'

/** The engine under test; not `auto`, which would depend on what this machine has installed. CI runs the suite once for each. */
const engine = process.env.TESSERA_ENGINE ?? 'wasm'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: [
      ...configDefaults.exclude,
      // What only the native engine has.
      ...(engine === 'tensorflow' ? [] : ['tests/**/*.native.test.ts']),
      // What needs libopenslide. CI has it and sets this.
      ...(process.env.TESSERA_SLIDES === '1' ? [] : ['tests/**/*.slides.test.ts']),
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
