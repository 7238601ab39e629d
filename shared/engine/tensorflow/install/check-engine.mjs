/**
 * @file Loads the engine's two addons and computes a matrix product with each: `node check-engine.mjs TESSERA_NODE TFJS_NODE`. Runs as a process
 * of its own, because a library that does not fit this machine ends the process. Prints one line of JSON.
 */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
// Ours first: it sets up TensorFlow's memory before the other makes the first device.
const native = require(process.argv[2])
const binding = require(process.argv[3])

const [M, N, K] = [37, 53, 41]
// Small whole numbers: every partial sum is exact in float32, so TensorFlow and the loops below must agree to the bit.
const values = (length, step) => Float32Array.from({ length }, (_, i) => ((i * step) % 17) - 8)
const a = values(M * K, 5)
const b = values(K * N, 7)
const want = new Float32Array(M * N)
for (let i = 0; i < M; i++) {
  for (let j = 0; j < N; j++) {
    for (let k = 0; k < K; k++) want[i * N + j] += a[i * K + k] * b[k * N + j]
  }
}
const wrongIn = (got) => want.filter((value, i) => got[i] !== value).length
const type = (name) => ({ name, type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT })
const flag = (name) => ({ name, type: binding.TF_ATTR_BOOL, value: false })
const product = [type('T'), flag('transpose_a'), flag('transpose_b')]

function eagerly() {
  const inputs = [
    binding.createTensor([M, K], binding.TF_FLOAT, a),
    binding.createTensor([K, N], binding.TF_FLOAT, b),
  ]
  const [output] = binding.executeOp('MatMul', product, inputs, 1)
  return binding.tensorDataSync(output.id)
}

async function inSession() {
  const graph = native.createGraph()
  native.addOperation(graph, 'Placeholder', 'a', [], [], [type('dtype')])
  native.addOperation(graph, 'Placeholder', 'b', [], [], [type('dtype')])
  native.addOperation(
    graph,
    'MatMul',
    'c',
    [
      ['a', 0],
      ['b', 0],
    ],
    [],
    product,
  )
  const session = native.createSession(graph, new Uint8Array())
  const feed = (op, shape, data) => ({
    op,
    dtype: binding.TF_FLOAT,
    shape,
    data: new Uint8Array(data.buffer),
  })
  const [output] = await native.runSession(
    session,
    [feed('a', [M, K], a), feed('b', [K, N], b)],
    [['c', 0]],
    [],
  )
  native.closeSession(session)
  return new Float32Array(output.data)
}

const wrong = [wrongIn(eagerly()), wrongIn(await inSession())]
process.stdout.write(`${JSON.stringify({ tensorflow: binding.TF_Version, elements: M * N, wrong })}\n`)
