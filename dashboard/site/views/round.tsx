/** @file The round at work: how far, how fast, and its loss step by step. */
import type { SiteView } from '@tessera/shared/dashboard/site-view'
import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { Chart } from '../../components/chart.tsx'
import type { Curve } from '../../components/chart-options.ts'
import { formatScore } from '../../components/format.ts'
import { Panel } from '../../components/panel.tsx'
import { useStore } from '../../components/store.ts'
import { ViewHead } from '../../components/view-head.tsx'
import { text } from '../../text/site.ts'
import { useDesk } from '../desk.ts'
import { RoundPanel } from '../round-panel.tsx'

export function RoundView({ view }: { readonly view: SiteView }): JSX.Element {
  const { theme } = useDesk()
  const shown = useStore(theme.shown)
  const texts = text.round
  const steps = view.round?.curve.steps
  const losses = view.round?.curve.losses
  const curves = useMemo(
    (): Curve[] => [{ name: texts.loss, values: losses ?? [], colour: 0, style: 'strong' }],
    [losses],
  )
  return (
    <>
      <ViewHead title={texts.viewTitle} />
      <RoundPanel view={view} />
      {steps !== undefined && steps.length > 1 && (
        <Panel title={texts.curve} note={texts.curveNote}>
          <Chart
            label={texts.curve}
            xLabel={texts.curveStep}
            xs={steps}
            curves={curves}
            format={formatScore}
            theme={shown}
            labels={text.chart}
          />
        </Panel>
      )}
    </>
  )
}
