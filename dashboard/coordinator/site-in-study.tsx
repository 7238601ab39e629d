/** @file How one site does in a study: what it is doing now, and its curve beside that of all. */
import type { CoordinatorView, SiteRow } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { Chart } from '../components/chart.tsx'
import type { Curve } from '../components/chart-options.ts'
import { Facts } from '../components/facts.tsx'
import {
  formatCount,
  formatDuration,
  formatNorm,
  formatScore,
  formatShare,
  NOTHING,
} from '../components/format.ts'
import { Panel } from '../components/panel.tsx'
import { Empty } from '../components/states.tsx'
import { StatusBadge } from '../components/status-badge.tsx'
import { useStore } from '../components/store.ts'
import { useRequest } from '../live/use-request.ts'
import { text } from '../text/en.ts'
import { alignTo } from './align.ts'
import { api } from './api.ts'
import { useDesk } from './desk.ts'
import { memberStanding } from './standing.ts'

export function SiteInStudy({
  view,
  site,
}: {
  readonly view: CoordinatorView
  readonly site: SiteRow
}): JSX.Element {
  const { live } = useDesk()
  const names = useMemo(() => Object.keys(view.studies).toSorted(), [view.studies])
  const [picked, setPicked] = useState<string | null>(null)
  // Where something is wrong, or where it is now.
  const study = picked ?? site.alarms[0]?.study ?? site.online[0] ?? names[0] ?? null
  useEffect(() => live.watch(study), [live, study])
  const texts = text.site
  if (study === null) {
    return (
      <Panel title={texts.inStudy}>
        <Empty title={texts.noStudy} icon="study" small />
      </Panel>
    )
  }
  const choice = names.length > 1 && (
    <select
      class="input tool-select"
      aria-label={texts.chooseStudy}
      value={study}
      onChange={(event) => setPicked(event.currentTarget.value)}
    >
      {names.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  )
  return (
    <div class="columns">
      <Panel title={texts.inNamed(study)} actions={choice}>
        <Member view={view} study={study} site={site.site} />
      </Panel>
      <Panel title={texts.curve} note={texts.curveNote}>
        <SiteCurve study={study} site={site.site} published={view.studies[study]?.published ?? 0} />
      </Panel>
    </div>
  )
}

interface MemberProps {
  readonly view: CoordinatorView
  readonly study: string
  readonly site: string
}

function Member({ view, study, site }: MemberProps): JSX.Element {
  const member = view.watched === study ? view.members[site] : undefined
  const texts = text.site
  if (member === undefined) return <Empty title={texts.notIn} small />
  const { tone, label } = memberStanding(member.state)
  const { last, missed, secondsLeft, state, code } = member
  return (
    <Facts
      facts={[
        [
          texts.now,
          <StatusBadge key="now" tone={tone}>
            {label}
          </StatusBadge>,
        ],
        ...(code === null ? [] : [[texts.why, text.codes[code] ?? code] as const]),
        ...(state === 'training' ? [[texts.timeLeft, formatDuration(secondsLeft)] as const] : []),
        [texts.lastRound, last === null ? NOTHING : formatCount(last.round)],
        [texts.samples, formatCount(last?.samples ?? null)],
        [texts.share, formatShare(last?.share ?? null)],
        [texts.norm, formatNorm(last?.norm ?? null)],
        [texts.missed, missed === 0 ? texts.noneMissed : formatCount(missed)],
      ]}
    />
  )
}

interface SiteCurveProps {
  readonly study: string
  readonly site: string
  readonly published: number
}

function SiteCurve({ study, site, published }: SiteCurveProps): JSX.Element {
  const { theme } = useDesk()
  const shownTheme = useStore(theme.shown)
  const asked = useRequest(
    `${study} ${site}`,
    published,
    async (signal) => await Promise.all([api.history(study, signal), api.siteHistory(study, site, signal)]),
  )
  const { rounds, curves } = useMemo(() => {
    const [all, own] = asked.value ?? [null, null]
    const xs = (all?.rounds ?? []).map(({ round }) => round)
    const drawn: Curve[] = [
      { name: site, values: alignTo(xs, own?.rounds ?? [], own?.loss ?? []), colour: 1, style: 'strong' },
      {
        name: text.results.allSites,
        values: (all?.rounds ?? []).map(({ loss }) => loss),
        colour: 0,
        style: 'dashed',
      },
    ]
    return { rounds: xs, curves: drawn }
  }, [asked.value, site])
  if (rounds.length === 0) return <Empty title={text.results.noRound} icon="study" small />
  return (
    <Chart
      label={text.site.curveLabel(site, rounds.length)}
      xLabel={text.results.round}
      xs={rounds}
      curves={curves}
      format={formatScore}
      theme={shownTheme}
      labels={text.chart}
    />
  )
}
