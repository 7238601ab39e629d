import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // Processes, not threads: each test file gets its own TensorFlow.js back end and its own WebAssembly memory.
    // The engine under test; not `auto`, which would depend on what this machine has installed. CI runs the suite once for each.
    env: { TESSERA_ENGINE: process.env.TESSERA_ENGINE ?? 'wasm' },
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
  },
})
