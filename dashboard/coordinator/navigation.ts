/** @file The links beside every view, and how much needs attention behind each. */
import type { CoordinatorView } from '@tessera/shared/dashboard/coordinator-view'
import type { NavGroup } from '../components/shell.tsx'
import { text } from '../text/en.ts'
import type { Finding } from './findings.ts'
import { links, type Route } from './route.ts'

export function navigation(
  route: Route,
  view: CoordinatorView | null,
  findings: readonly Finding[],
  operator: boolean,
): NavGroup[] {
  const studies = Object.keys(view?.studies ?? {}).toSorted()
  const alarmsOf = (base: string): number =>
    findings.filter(({ href }) => href === base || href.startsWith(`${base}/`)).length
  return [
    {
      items: [
        {
          href: links.overview,
          label: text.nav.overview,
          icon: 'overview',
          current: route.view === 'overview',
        },
        {
          href: links.sites,
          label: text.nav.sites,
          icon: 'sites',
          current: route.view === 'sites' || route.view === 'site',
          alarms: alarmsOf(links.sites),
        },
      ],
    },
    {
      title: text.nav.studies,
      items: [
        ...studies.map((study) => ({
          href: links.study(study),
          label: study,
          icon: 'study' as const,
          current: route.view === 'study' && route.study === study,
          alarms: alarmsOf(links.study(study)),
        })),
        ...(operator
          ? [
              {
                href: links.newStudy,
                label: text.nav.newStudy,
                icon: 'plus' as const,
                current: route.view === 'new-study',
              },
            ]
          : []),
      ],
    },
  ]
}
