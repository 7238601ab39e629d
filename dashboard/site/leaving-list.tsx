/** @file Exactly what would leave in a round: what is told with the update, and every tensor of it. */
import type { Leaving } from '@tessera/shared/dashboard/site-api'
import type { JSX } from 'preact'
import { type Column, DataTable } from '../components/data-table.tsx'
import { Facts } from '../components/facts.tsx'
import { formatBytes, formatCount } from '../components/format.ts'
import { text } from '../text/site.ts'

const texts = text.acts.approve

const COLUMNS: readonly Column<Leaving['tensors'][number]>[] = [
  { key: 'name', header: texts.tensor, cell: ({ name }) => <code>{name}</code> },
  { key: 'kind', header: texts.kind, width: 85, cell: ({ kind }) => kind },
  { key: 'shape', header: texts.shape, width: 115, cell: ({ shape }) => shape.join(' × ') },
  {
    key: 'bytes',
    header: text.departed.size,
    width: 85,
    number: true,
    cell: ({ bytes }) => formatBytes(bytes),
  },
]

export function LeavingList({ leaving }: { readonly leaving: Leaving }): JSX.Element {
  const { samples, bytes, encoding, payload, policyHash, metrics, tensors } = leaving
  const told = Object.entries(metrics).map(
    ([name, value]) => `${name} ${value === null ? texts.withheld : formatMetric(value)}`,
  )
  return (
    <div class="stack">
      <Facts
        facts={[
          [texts.samples, formatCount(samples)],
          [texts.bytes, formatBytes(bytes)],
          [texts.encoding, encoding],
          [texts.metrics, told.join(', ')],
          [texts.payload, <code key="payload">{payload.slice(0, 16)}…</code>],
          [texts.policy, <code key="policy">{policyHash.slice(0, 16)}…</code>],
        ]}
      />
      <h3>{texts.tensors(tensors.length)}</h3>
      <div class="inset">
        <DataTable
          label={texts.tensors(tensors.length)}
          columns={COLUMNS}
          rows={tensors}
          rowKey={({ name }) => name}
          empty={null}
        />
      </div>
    </div>
  )
}

function formatMetric(value: number): string {
  return Number.isInteger(value) ? formatCount(value) : value.toFixed(3)
}
