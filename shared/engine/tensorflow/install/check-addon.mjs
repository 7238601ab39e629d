/**
 * @file Loads an addon and computes a matrix product with it: `node check-addon.mjs FILE`. Runs as a process of its own, because a library
 * that does not fit this machine ends the process. Prints one line of JSON.
 */
import { createRequire } from 'node:module'

const [M, N, K] = [37, 53, 41]
const binding = createRequire(import.meta.url)(process.argv[2])

// Small whole numbers: every partial sum is exact in float32, so TensorFlow and the loops below must agree to the bit.
const values = (length, step) => Float32Array.from({ length }, (_, i) => ((i * step) % 17) - 8)
const a = values(M * K, 5)
const b = values(K * N, 7)
const type = { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }
const flag = (name) => ({ name, type: binding.TF_ATTR_BOOL, value: false })

const inputs = [
  binding.createTensor([M, K], binding.TF_FLOAT, a),
  binding.createTensor([K, N], binding.TF_FLOAT, b),
]
const [output] = binding.executeOp('MatMul', [type, flag('transpose_a'), flag('transpose_b')], inputs, 1)
const got = binding.tensorDataSync(output.id)

let wrong = got.length === M * N ? 0 : M * N
for (let i = 0; i < M; i++) {
  for (let j = 0; j < N; j++) {
    let sum = 0
    for (let k = 0; k < K; k++) sum += a[i * K + k] * b[k * N + j]
    if (got[i * N + j] !== sum) wrong++
  }
}
process.stdout.write(`${JSON.stringify({ tensorflow: binding.TF_Version, elements: M * N, wrong })}\n`)
