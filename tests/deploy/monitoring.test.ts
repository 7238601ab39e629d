import { readFileSync } from 'node:fs'
import { COORDINATOR_METRICS } from '@tessera/coordinator/operation'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

const deployed = (path: string): string =>
  readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8')

/** All that the pages, rules and panels may ask for; a histogram has three series. */
const SERIES = new Map(
  Object.entries(COORDINATOR_METRICS).flatMap(([name, { type, labels }]) => {
    const known: ReadonlySet<string> = new Set([...labels, 'job', 'le'])
    const names = type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name]
    return names.map((one) => [one, known] as const)
  }),
)

/** Metrics of ours in a query, with the labels that it picks them by. */
const asked = (query: string): [name: string, labels: string[]][] =>
  [...query.matchAll(/(tessera_\w+)(?:\{([^}]*)\})?/g)].map(([, name = '', picks = '']) => [
    name,
    [...picks.matchAll(/(\w+)\s*(?:=~|!=|=)/g)].map(([, label = '']) => label),
  ])

function unknown(query: string): string[] {
  return asked(query).flatMap(([name, labels]) => {
    const known = SERIES.get(name)
    return known === undefined
      ? [name]
      : labels.filter((label) => !known.has(label)).map((label) => `${name}{${label}}`)
  })
}

const rules = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Tessera[A-Z]\w+$/),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[smhd]$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
          annotations: z.strictObject({ summary: z.string().min(1), action: z.string().min(1) }),
        }),
      ),
    }),
  ),
})

describe('deploy/prometheus/alerts.yaml', () => {
  const alerts = rules.parse(parse(deployed('prometheus/alerts.yaml'))).groups.flatMap(({ rules }) => rules)

  test('has an entry in the runbook for each alert, and the runbook none for another', () => {
    const told = [...deployed('runbook.md').matchAll(/^\| `(Tessera\w+)` \|/gm)].map(([, name]) => name)
    expect(told).toEqual(alerts.map(({ alert }) => alert))
  })

  test('asks for metrics and labels that there are', () => {
    expect(alerts.length).toBeGreaterThan(5)
    expect(alerts.flatMap(({ expr }) => unknown(expr))).toEqual([])
  })
  test('speaks of labels that its query leaves', () => {
    for (const { alert, expr, annotations } of alerts) {
      const spoken = [...annotations.summary.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label)
      const kept = /(?:sum|max) by \(([^)]*)\)/
        .exec(expr)?.[1]
        ?.split(',')
        .map((label) => label.trim())
      const there = kept ?? asked(expr).flatMap(([name]) => [...(SERIES.get(name) ?? [])])
      expect(
        spoken.filter((label) => !there.includes(label)),
        alert,
      ).toEqual([])
    }
  })
  test.each(['tessera_no_such_metric > 0', 'tessera_round{site="a"} > 0', 'tessera_round_seconds > 1'])(
    '%s would be found out',
    (query) => expect(unknown(query)).not.toEqual([]),
  )
})

describe('deploy/grafana/tessera.json', () => {
  const dashboard = z
    .object({
      uid: z.string(),
      panels: z.array(
        z.object({
          id: z.int(),
          title: z.string().min(1),
          gridPos: z.strictObject({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
          targets: z.array(z.object({ expr: z.string() })).optional(),
        }),
      ),
    })
    .parse(JSON.parse(deployed('grafana/tessera.json')))
  const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))

  test('asks for metrics and labels that there are', () => {
    expect(queries.flatMap(unknown)).toEqual([])
  })
  test('shows every metric', () => {
    const shown = new Set(
      queries.flatMap((query) => asked(query).map(([name]) => name.replace(/_bucket$/, ''))),
    )
    expect(Object.keys(COORDINATOR_METRICS).filter((name) => !shown.has(name))).toEqual([])
  })
  test('has no panel over another', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
  })
})
