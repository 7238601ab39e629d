import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // Processes, not threads: each test file gets its own TensorFlow.js back end and its own WebAssembly memory.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
  },
})
