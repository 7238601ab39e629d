/**
 * @file Runs a step as a recorded graph. The state lives in the session as variables: a step moves the feeds in and the outputs out, nothing else.
 *
 * Each set of feed shapes gets a recording of its own in the same graph, so all share the variables. A step runs off the main thread.
 */
import * as tf from '@tensorflow/tfjs-core'
import { TesseraError } from '../../../errors.ts'
import { scoped } from '../../scoped.ts'
import type { NamedValues, StepFunction, Stepper, Values } from '../../stepper.ts'
import type { Native, NativeSession, NativeTensor, Output } from '../binding.ts'
import { tensorflowEngine } from '../start.ts'
import { ATTRIBUTE, createGraph, DTYPE, explainFailure, type GraphBuilder, type Operation } from './graph.ts'
import { trace } from './tracer.ts'
import { addUpdates, type Variable } from './updates.ts'

/** A step for one set of feed shapes. */
interface Recording {
  /** Placeholder of each feed. */
  readonly feeds: ReadonlyMap<string, string>
  readonly outputs: ReadonlyMap<string, Output>
  readonly targets: readonly string[]
}

/** A `ConfigProto` that sets nothing: TensorFlow's own threads and rewrites. */
const STANDARD_OPTIONS = new Uint8Array()

export function createRecordedStepper(initial: NamedValues, step: StepFunction): Stepper {
  const { native } = tensorflowEngine()
  const graph = createGraph(native)
  const variables = new Map(
    [...initial].map(([name, { shape }]) => [name, createVariable(graph, name, shape)]),
  )
  const doors = new Map([...variables].map(([name, variable]) => [name, createDoor(graph, variable)]))
  const recordings = new Map<string, Recording>()
  let session: NativeSession | null = native.createSession(graph.native, STANDARD_OPTIONS)
  // Let go of once they are in the session: they may be as large as the model several times over.
  let waiting: NamedValues | null = initial
  let ready: Promise<unknown> | null = null

  const run = (
    feeds: readonly (NativeTensor & { op: string })[],
    fetches: readonly Output[],
    targets: readonly string[],
  ): ReturnType<Native['runSession']> => {
    // TensorFlow refuses a run of nothing.
    if (fetches.length + targets.length === 0) return Promise.resolve([])
    if (session === null) throw new TesseraError('ERR_INTERNAL', 'internal: stepper must not be disposed of')
    return native.runSession(session, feeds, fetches, targets).catch((cause: unknown) => {
      throw explainFailure(graph, cause)
    })
  }
  const write = async (values: Iterable<readonly [string, Float32Array | Int32Array]>): Promise<void> => {
    const doorsOf = [...values].map(([name, numbers]) => ({ ...at(doors, name), numbers }))
    await run(
      doorsOf.map(({ placeholder, variable, numbers }) => ({
        op: placeholder,
        ...tensorOf(variable.shape, numbers),
      })),
      [],
      doorsOf.map(({ assign }) => assign),
    )
  }
  // The first values go in before anything else happens; a failure is told to whoever asks first.
  const started = (): Promise<unknown> => {
    ready ??= write([...(waiting ?? [])].map(([name, { values }]) => [name, values]))
    waiting = null
    return ready
  }

  return {
    async run(feeds) {
      await started()
      const shapes = [...feeds].map(([name, { shape }]) => `${name} ${shape.join()}`).join(';')
      const recording = recordings.get(shapes) ?? record(graph, variables, step, feeds)
      recordings.set(shapes, recording)
      const names = [...recording.outputs.keys()]
      const results = await run(
        [...feeds].map(([name, { shape, values }]) => ({
          op: at(recording.feeds, name),
          ...tensorOf(shape, values),
        })),
        [...recording.outputs.values()],
        recording.targets,
      )
      return new Map(results.map(({ dtype, data }, i) => [names[i] ?? '', numbersOf(dtype, data)]))
    },
    async read(names) {
      await started()
      const wanted = [...names]
      const results = await run(
        [],
        wanted.map((name) => at(doors, name).read),
        [],
      )
      return new Map(results.map(({ data }, i) => [wanted[i] ?? '', new Float32Array(data)]))
    },
    async write(values) {
      await started()
      await write(values)
    },
    dispose() {
      if (session !== null) native.closeSession(session)
      session = null
    },
  }
}

/** Records the step once for feeds of these shapes. */
function record(
  graph: GraphBuilder,
  variables: ReadonlyMap<string, Variable>,
  step: StepFunction,
  feeds: NamedValues,
): Recording {
  const operations: Operation[] = []
  const noting: GraphBuilder = {
    ...graph,
    add(...operation) {
      const added = graph.add(...operation)
      operations.push(added)
      return added
    },
  }
  const placeholders = new Map([...feeds].map(([name, values]) => [name, createPlaceholder(graph, values)]))
  const reads = new Map(
    [...variables].map(([name, variable]): [string, Output] => [name, createRead(graph, variable)]),
  )
  const { next, outputs } = trace(tensorflowEngine().backend, noting, ({ tensorOf, outputOf }) =>
    scoped(() => {
      const state = new Map([...reads].map(([name, read]) => [name, tensorOf(read)]))
      const fed = new Map([...placeholders].map(([name, op]) => [name, tensorOf([op, 0])]))
      const result = step(state, fed)
      const recorded = {
        next: new Map([...result.next].map(([name, tensor]) => [name, outputOf(tensor)])),
        outputs: new Map([...result.outputs].map(([name, tensor]) => [name, outputOf(tensor)])),
      }
      tf.dispose([...result.next.values(), ...result.outputs.values()])
      return recorded
    }),
  )
  const uses = [...variables].map(([name, variable]) => ({
    variable,
    read: at(reads, name),
    next: next.get(name) ?? null,
  }))
  return { feeds: placeholders, outputs, targets: addUpdates(graph, operations, uses, [...outputs.values()]) }
}

/** How values of a variable are put in and taken out by hand. */
interface Door {
  readonly variable: Variable
  readonly placeholder: string
  readonly assign: string
  readonly read: Output
}

function createVariable(graph: GraphBuilder, name: string, shape: readonly number[]): Variable {
  const { name: handle } = graph.add(
    'VarHandleOp',
    [],
    [
      { name: 'container', type: ATTRIBUTE.string, value: '' },
      { name: 'shared_name', type: ATTRIBUTE.string, value: name },
      { name: 'dtype', type: ATTRIBUTE.type, value: DTYPE.float },
      { name: 'shape', type: ATTRIBUTE.shape, value: shape },
    ],
  )
  return { name, dtype: DTYPE.float, shape, handle: [handle, 0] }
}

function createRead(graph: GraphBuilder, { handle, dtype }: Variable): Output {
  const attributes = [{ name: 'dtype', type: ATTRIBUTE.type, value: dtype }]
  return [graph.add('ReadVariableOp', [handle], attributes).name, 0]
}

function createDoor(graph: GraphBuilder, variable: Variable): Door {
  const { handle, dtype, shape } = variable
  const placeholder = createPlaceholder(graph, { shape, values: new Float32Array() })
  const attributes = [{ name: 'dtype', type: ATTRIBUTE.type, value: dtype }]
  const { name: assign } = graph.add('AssignVariableOp', [handle, [placeholder, 0]], attributes)
  return { variable, placeholder, assign, read: createRead(graph, variable) }
}

function createPlaceholder(graph: GraphBuilder, { shape, values }: Values): string {
  return graph.add(
    'Placeholder',
    [],
    [
      {
        name: 'dtype',
        type: ATTRIBUTE.type,
        value: values instanceof Int32Array ? DTYPE.int32 : DTYPE.float,
      },
      { name: 'shape', type: ATTRIBUTE.shape, value: shape },
    ],
  ).name
}

function tensorOf(shape: readonly number[], values: Float32Array | Int32Array): NativeTensor {
  return {
    dtype: values instanceof Int32Array ? DTYPE.int32 : DTYPE.float,
    shape,
    data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  }
}

function numbersOf(dtype: number, data: ArrayBuffer): Float32Array | Int32Array {
  return dtype === DTYPE.int32 ? new Int32Array(data) : new Float32Array(data)
}

function at<T>(map: ReadonlyMap<string, T>, name: string): T {
  const value = map.get(name)
  if (value !== undefined) return value
  throw new TesseraError('ERR_LAYOUT_MISMATCH', `step must have ${name}, got none of that name`)
}
