/**
 * @file How the next state gets into the session's variables: by assignment, or in place where the op that computed it has a form that writes
 * where it reads. In place, an optimiser's step touches each weight once and allocates nothing.
 */
import type { OpAttribute, Output } from '../binding.ts'
import { ATTRIBUTE, type GraphBuilder, type Operation } from './graph.ts'

/** A tensor of the state in the graph. */
export interface Variable {
  readonly name: string
  readonly dtype: number
  readonly shape: readonly number[]
  /** The resource. */
  readonly handle: Output
}

/** Where a recorded step finds a variable and leaves it. */
export interface VariableUse {
  readonly variable: Variable
  /** What the step read. */
  readonly read: Output
  /** What the step left, null when it did not change it. */
  readonly next: Output | null
}

/**
 * Ops with a form on resources. `written`: per output, the input it is the next value of. The in-place op takes handles for those inputs, in the
 * order of the outputs, then the other inputs in their order.
 */
const IN_PLACE: Readonly<Record<string, { op: string; written: readonly number[] }>> = {
  TesseraSgdMomentum: { op: 'TesseraApplySgdMomentum', written: [0, 2] },
  TesseraTowards: { op: 'TesseraApplyTowards', written: [0] },
  TesseraEnqueue: { op: 'TesseraApplyEnqueue', written: [0] },
}

/** Ops whose output is their input's memory: who reads the output reads the variable. */
const ALIASING = new Set(['Identity', 'Reshape', 'ExpandDims', 'Squeeze', 'StopGradient'])

const key = ([name, index]: Output): string => `${name}:${index}`

/**
 * Adds the operations that write the next state and returns their names. Each runs after everything that reads the variable's old value.
 * @param recorded Operations of the step, in their order.
 * @param outputs What the caller wants to read of the step.
 */
export function addUpdates(
  graph: GraphBuilder,
  recorded: readonly Operation[],
  uses: readonly VariableUse[],
  outputs: readonly Output[],
): string[] {
  const changed = uses.flatMap((use) => (use.next === null ? [] : [{ ...use, next: use.next }]))
  const variableOfRead = new Map(uses.map(({ read, variable }) => [key(read), variable]))
  const nextOf = new Map(changed.map(({ variable, next }) => [variable, key(next)]))
  const consumers = consumersOf(recorded)

  // An op is replaced when each of its outputs is the next value of the variable it reads, and nothing else wants it.
  const wanted = new Set(outputs.map(key))
  const replaced = new Map<string, { operation: Operation; variables: Variable[] }>()
  for (const { next } of changed) {
    const operation = graph.operation(next[0])
    const form = IN_PLACE[operation.type]
    if (!form || replaced.has(operation.name)) continue
    const variables = form.written.map((input) => variableOfRead.get(key(operation.inputs[input] ?? ['', 0])))
    const fits = variables.every((variable, output) => {
      const own = key([operation.name, output])
      return variable && nextOf.get(variable) === own && !consumers.has(own) && !wanted.has(own)
    })
    if (fits) replaced.set(operation.name, { operation, variables: variables as Variable[] })
  }

  const assigned = changed.filter(({ next }) => !replaced.has(next[0]))
  const live = ancestors(graph, [
    ...outputs,
    ...assigned.map(({ next }) => next),
    ...[...replaced.values()].flatMap(({ operation }) => operation.inputs),
  ])
  const readers = (variable: Variable): string[] => {
    const read = uses.find((use) => use.variable === variable)?.read
    return read ? liveReaders(consumers, live, replaced, read) : []
  }

  const inPlace = [...replaced.values()].map(({ operation, variables }) => {
    const form = IN_PLACE[operation.type]
    const written = new Set(form?.written)
    const others = operation.inputs.filter((_, input) => !written.has(input))
    const own = new Set(others.map(([name]) => name))
    const controls = [...new Set(variables.flatMap(readers))].filter((name) => !own.has(name))
    const handles = variables.map(({ handle }) => handle)
    return graph.add(form?.op ?? '', [...handles, ...others], withoutTypes(operation.attributes), controls)
      .name
  })
  const assignments = assigned.map(({ variable, next, read }) => {
    const dtype: OpAttribute = { name: 'dtype', type: ATTRIBUTE.type, value: variable.dtype }
    return graph.add('AssignVariableOp', [variable.handle, next], [dtype], [read[0]]).name
  })
  return [...inPlace, ...assignments]
}

function withoutTypes(attributes: readonly OpAttribute[]): OpAttribute[] {
  return attributes.filter(({ type }) => type !== ATTRIBUTE.type)
}

/** Who reads each output. */
function consumersOf(recorded: readonly Operation[]): Map<string, Operation[]> {
  const consumers = new Map<string, Operation[]>()
  for (const operation of recorded) {
    for (const input of operation.inputs) {
      consumers.set(key(input), [...(consumers.get(key(input)) ?? []), operation])
    }
  }
  return consumers
}

/** Names of all operations that the given outputs need. */
function ancestors(graph: GraphBuilder, outputs: readonly Output[]): Set<string> {
  const found = new Set<string>()
  const open = outputs.map(([name]) => name)
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue
    found.add(name)
    open.push(...graph.operation(name).inputs.map(([input]) => input))
  }
  return found
}

/** Live operations that look at the memory of `read`, itself or through an alias. */
function liveReaders(
  consumers: ReadonlyMap<string, readonly Operation[]>,
  live: ReadonlySet<string>,
  replaced: ReadonlyMap<string, unknown>,
  read: Output,
): string[] {
  return (consumers.get(key(read)) ?? []).flatMap((operation) => {
    if (!live.has(operation.name) || replaced.has(operation.name)) return []
    const through = ALIASING.has(operation.type)
      ? liveReaders(consumers, live, replaced, [operation.name, 0])
      : []
    return [operation.name, ...through]
  })
}
