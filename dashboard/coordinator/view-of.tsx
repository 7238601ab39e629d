/** @file The view that the address names. */
import type { CoordinatorView } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { ViewHead } from '../components/view-head.tsx'
import { text } from '../text/en.ts'
import type { Finding } from './findings.ts'
import { links, type Route } from './route.ts'
import { NewStudyView } from './views/new-study.tsx'
import { OverviewView } from './views/overview.tsx'
import { SiteView } from './views/site.tsx'
import { SitesView } from './views/sites.tsx'
import { StudyView } from './views/study.tsx'

interface ViewProps {
  readonly route: Route
  readonly view: CoordinatorView
  readonly nowMs: number
  readonly findings: readonly Finding[]
}

export function ViewOf({ route, view, nowMs, findings }: ViewProps): JSX.Element {
  switch (route.view) {
    case 'overview':
      return <OverviewView view={view} nowMs={nowMs} findings={findings} />
    case 'sites':
      return <SitesView view={view} nowMs={nowMs} />
    case 'site':
      return <SiteView key={route.site} view={view} site={route.site} nowMs={nowMs} />
    case 'study':
      return <StudyView key={route.study} view={view} study={route.study} tab={route.tab} nowMs={nowMs} />
    case 'new-study':
      return <NewStudyView />
    case 'unknown':
      return (
        <ViewHead title={text.states.noView} note={<a href={links.overview}>{text.states.toOverview}</a>} />
      )
  }
}
