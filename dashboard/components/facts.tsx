/** @file A list of names and values. */
import type { ComponentChildren, JSX } from 'preact'

export type Fact = readonly [name: string, value: ComponentChildren]

export function Facts({ facts }: { readonly facts: readonly Fact[] }): JSX.Element {
  return (
    <dl class="facts">
      {facts.flatMap(([name, value]) => [<dt key={`${name}:`}>{name}</dt>, <dd key={name}>{value}</dd>])}
    </dl>
  )
}

/** The same side by side, each name above its value. */
export function FactRow({ facts }: { readonly facts: readonly Fact[] }): JSX.Element {
  return (
    <dl class="facts--row">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
