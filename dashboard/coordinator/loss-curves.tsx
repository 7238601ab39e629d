/** @file The loss over the rounds: of all, and of sites that are chosen. */
import type { SiteHistory } from '@tessera/shared/dashboard/coordinator-api'
import type { MemberRow, StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { Chart } from '../components/chart.tsx'
import type { Curve } from '../components/chart-options.ts'
import { formatScore } from '../components/format.ts'
import { Panel } from '../components/panel.tsx'
import { Empty, Failed, Loading } from '../components/states.tsx'
import { useStore } from '../components/store.ts'
import { useRequest } from '../live/use-request.ts'
import { text } from '../text/en.ts'
import { alignTo } from './align.ts'
import { api } from './api.ts'
import { useDesk } from './desk.ts'
import { SiteChoice } from './site-choice.tsx'

export interface LossCurvesProps {
  readonly study: StudyRow
  readonly members: Readonly<Record<string, MemberRow>> | null
}

/** As many as colours and dashes tell apart beside the curve of all. */
const MOST_SITES = 6

export function LossCurves({ study, members }: LossCurvesProps): JSX.Element {
  const { theme } = useDesk()
  const shownTheme = useStore(theme.shown)
  const { study: id, published } = study
  const history = useRequest(id, published, async (signal) => await api.history(id, signal))
  const names = useMemo(() => Object.keys(members ?? {}).toSorted(), [members])
  const [picked, setPicked] = useState<readonly string[] | null>(null)
  const chosen = picked ?? (names.length <= MOST_SITES ? names : [])
  const sites = useRequest(
    `${id} ${chosen.join(' ')}`,
    published,
    async (signal) => await Promise.all(chosen.map(async (site) => await api.siteHistory(id, site, signal))),
  )
  const rounds = useMemo(() => (history.value?.rounds ?? []).map(({ round }) => round), [history.value])
  const curves = useMemo((): Curve[] => {
    const all = (history.value?.rounds ?? []).map(({ loss }) => loss)
    return [
      { name: text.results.allSites, values: all, colour: 0, style: 'strong' },
      ...(sites.value ?? []).map(
        (site: SiteHistory, i): Curve => ({
          name: site.site,
          values: alignTo(rounds, site.rounds, site.loss),
          colour: i + 1,
          style: i % 2 === 0 ? 'plain' : 'dashed',
        }),
      ),
    ]
  }, [history.value, sites.value, rounds])
  const silent = curves.slice(1).filter(({ values }) => values.every((value) => value === null))
  const isTold = curves.some(({ values }) => values.some((value) => value !== null))
  const texts = text.results
  return (
    <Panel
      title={texts.loss}
      note={texts.lossNote}
      actions={
        names.length > MOST_SITES && (
          <SiteChoice names={names} chosen={chosen} most={MOST_SITES} onChoose={setPicked} />
        )
      }
    >
      {history.state === 'failed' && (
        <Failed title={text.states.failed}>
          <p>{history.message}</p>
        </Failed>
      )}
      {history.state === 'loading' && history.value === null && <Loading label={text.states.loading} />}
      {history.value !== null && rounds.length === 0 && (
        <Empty title={texts.noRound} icon="study" small>
          <p>{texts.noRoundNote}</p>
        </Empty>
      )}
      {rounds.length > 0 && !isTold && (
        <Empty title={texts.noLoss} icon="study" small>
          <p>{texts.noLossNote}</p>
        </Empty>
      )}
      {isTold && (
        <Chart
          label={texts.lossLabel(study.study, rounds.length)}
          xLabel={texts.round}
          xs={rounds}
          curves={curves}
          mark={
            study.best === null
              ? undefined
              : { x: study.best.round, label: texts.bestRound(study.best.round) }
          }
          format={formatScore}
          theme={shownTheme}
          labels={text.chart}
        />
      )}
      {isTold && silent.length > 0 && <p class="soft">{texts.silent(silent.map(({ name }) => name))}</p>}
    </Panel>
  )
}
