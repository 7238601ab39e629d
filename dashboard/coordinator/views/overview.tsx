/** @file The first view: is anything wrong, what runs, who is there. */
import type { CoordinatorView, StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { formatBytes, formatCount, formatDuration } from '../../components/format.ts'
import { Icon } from '../../components/icon.tsx'
import { Panel } from '../../components/panel.tsx'
import { StatTiles } from '../../components/stat-tiles.tsx'
import { Empty } from '../../components/states.tsx'
import { TONE_ICONS } from '../../components/status-badge.tsx'
import { Verdict } from '../../components/verdict.tsx'
import { text } from '../../text/en.ts'
import { useDesk } from '../desk.ts'
import { type Finding, isOver, verdictOf } from '../findings.ts'
import { links } from '../route.ts'
import { SiteTable } from '../site-table.tsx'
import { StudyCard } from '../study-card.tsx'

export interface OverviewProps {
  readonly view: CoordinatorView
  readonly nowMs: number
  readonly findings: readonly Finding[]
}

export function OverviewView({ view, nowMs, findings }: OverviewProps): JSX.Element {
  const { session } = useDesk()
  const studies = useMemo(() => inOrder(Object.values(view.studies)), [view.studies])
  const sites = useMemo(() => Object.values(view.sites), [view.sites])
  const { coordinator } = view
  const online = sites.filter((site) => site.online.length > 0).length
  const enrolled = sites.filter((site) => site.state === 'enrolled').length
  const texts = text.overview
  return (
    <>
      <Verdict {...verdictOf(view, findings)} />
      {findings.length > 0 && (
        <Panel title={texts.findings} note={texts.findingsNote} flush>
          <ul class="alarm-list">
            {findings.map(({ id, tone, title, advice, href }) => (
              <li key={id} class={`tone-${tone}`}>
                <Icon name={TONE_ICONS[tone]} />
                <div>
                  <strong>{title}</strong>
                  <p class="soft">{advice}</p>
                </div>
                <a class="button button--small" href={href} aria-label={texts.lookAt(title)}>
                  {texts.look}
                </a>
              </li>
            ))}
          </ul>
        </Panel>
      )}
      <StatTiles
        stats={[
          {
            label: texts.running,
            value: formatCount(studies.filter((study) => !isOver(study)).length),
            note: texts.ofStudies(studies.length),
          },
          { label: texts.online, value: formatCount(online), note: texts.ofSites(enrolled) },
          { label: texts.received, value: formatBytes(coordinator.bytesUp), note: texts.receivedNote },
          { label: texts.sent, value: formatBytes(coordinator.bytesDown), note: texts.sentNote },
          {
            label: texts.upFor,
            value: formatDuration((nowMs - coordinator.startedAtMs) / 1000),
            note: texts.version(coordinator.version),
          },
        ]}
      />
      {studies.length === 0 ? (
        <Panel title={texts.studies}>
          <Empty title={texts.noStudy} icon="study" small>
            <p>{texts.noStudyNote}</p>
            {session.role === 'operator' && (
              <a class="button button--primary" href={links.newStudy}>
                {text.nav.newStudy}
              </a>
            )}
          </Empty>
        </Panel>
      ) : (
        <section class="columns" aria-label={texts.studies}>
          {studies.map((study) => (
            <StudyCard key={study.study} study={study} nowMs={nowMs} />
          ))}
        </section>
      )}
      <Panel title={texts.sites} flush>
        <SiteTable sites={sites} nowMs={nowMs} />
      </Panel>
    </>
  )
}

/** What runs comes first; the newest of each before the others. */
function inOrder(studies: readonly StudyRow[]): StudyRow[] {
  return studies.toSorted((a, b) => Number(isOver(a)) - Number(isOver(b)) || b.createdAtMs - a.createdAtMs)
}
