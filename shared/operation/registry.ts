/**
 * @file Metrics of a program as Prometheus reads them, from one declaration: what is not declared cannot be set, and the page that explains them is held
 * against the same declaration.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export interface Declaration {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  /** Upper bounds of a histogram, in the unit of its name. */
  readonly buckets?: readonly number[]
}
export type Declarations = Readonly<Record<string, Declaration>>
export type Labels = Readonly<Record<string, string>>

export interface Metrics<D extends Declarations> {
  /** Adds to a counter. */
  add(name: keyof D & string, by?: number, labels?: Labels): void
  set(name: keyof D & string, value: number, labels?: Labels): void
  /** Adds one value to a histogram. */
  observe(name: keyof D & string, value: number, labels?: Labels): void
  /** Forgets a gauge's values: a study or a site that is gone must not stay as it was. */
  clear(name: keyof D & string): void
  readonly contentType: string
  /** All of them, in Prometheus' text format. */
  text(): Promise<string>
}

/** Builds them, counters at 0 and gauges without a value, in a registry of their own: two coordinators of one process do not count together. */
export function createMetrics<D extends Declarations>(declarations: D): Metrics<D> {
  const registry = new Registry()
  const counters = new Map<string, Counter>()
  const gauges = new Map<string, Gauge>()
  const histograms = new Map<string, Histogram>()
  for (const [name, { type, help, labels, buckets }] of Object.entries(declarations)) {
    const settings = { name, help, labelNames: [...labels], registers: [registry] }
    if (type === 'counter') counters.set(name, new Counter(settings))
    else if (type === 'gauge') {
      const gauge = new Gauge(settings)
      // It would begin at 0: a date of 1970, for instance, of what is not there.
      if (labels.length === 0) gauge.remove()
      gauges.set(name, gauge)
    } else histograms.set(name, new Histogram({ ...settings, ...(buckets && { buckets: [...buckets] }) }))
  }
  return {
    add: (name, by = 1, labels = {}) => find(counters, name).inc(labels, by),
    set: (name, value, labels = {}) => find(gauges, name).set(labels, value),
    observe: (name, value, labels = {}) => find(histograms, name).observe(labels, value),
    clear: (name) => find(gauges, name).reset(),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  }
}

function find<T>(all: ReadonlyMap<string, T>, name: string): T {
  const found = all.get(name)
  if (found === undefined) throw new Error(`internal: metric ${name} must be declared with this type`)
  return found
}
