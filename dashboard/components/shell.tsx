/** @file The frame of both pages: a way past the navigation, the navigation, a banner when something is wrong with the page itself, the view. */
import type { ComponentChildren, JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { Icon, type IconName } from './icon.tsx'

export interface NavItem {
  readonly href: string
  readonly label: string
  readonly icon: IconName
  readonly current: boolean
  /** How many things need attention there. */
  readonly alarms?: number
}

export interface NavGroup {
  readonly title?: string | undefined
  readonly items: readonly NavItem[]
}

export interface ShellProps {
  readonly brand: string
  /** Whose page it is. */
  readonly role: string
  readonly home: string
  readonly groups: readonly NavGroup[]
  readonly labels: { readonly nav: string; readonly skip: string; readonly alarms: (count: number) => string }
  readonly banner?: ComponentChildren
  readonly foot: ComponentChildren
  readonly children: ComponentChildren
}

export function Shell({
  brand,
  role,
  home,
  groups,
  labels,
  banner,
  foot,
  children,
}: ShellProps): JSX.Element {
  const main = useRef<HTMLElement>(null)
  return (
    <>
      {/* A button: a link to a place in the page would change the address, which says what view is shown. */}
      <button type="button" class="button button--primary skip" onClick={() => main.current?.focus()}>
        {labels.skip}
      </button>
      <div class="shell">
        <header class="shell-side">
          <a class="brand" href={home}>
            <Mark />
            <span>
              {brand}
              <span class="brand-role">{role}</span>
            </span>
          </a>
          <nav class="nav" aria-label={labels.nav}>
            {groups.map(({ title, items }) => (
              <NavLinks key={title ?? ''} title={title} items={items} alarms={labels.alarms} />
            ))}
          </nav>
          <div class="shell-foot">{foot}</div>
        </header>
        <div class="shell-main">
          {banner}
          <main class="content" ref={main} tabIndex={-1}>
            {children}
          </main>
        </div>
      </div>
    </>
  )
}

function NavLinks({
  title,
  items,
  alarms,
}: NavGroup & { readonly alarms: (count: number) => string }): JSX.Element {
  return (
    <>
      {title && items.length > 0 && <p class="nav-title">{title}</p>}
      {items.map((item) => (
        <a key={item.href} href={item.href} aria-current={item.current ? 'page' : undefined}>
          <Icon name={item.icon} />
          <span class="nav-label">{item.label}</span>
          {item.alarms !== undefined && item.alarms > 0 && (
            <span class="nav-count">
              {item.alarms}
              <span class="visually-hidden"> {alarms(item.alarms)}</span>
            </span>
          )}
        </a>
      ))}
    </>
  )
}

/** Four tiles of a mosaic, one set apart. */
function Mark(): JSX.Element {
  return (
    <svg class="brand-mark" viewBox="0 0 24 24" fill="currentColor" aria-hidden="true" focusable="false">
      <rect x="1" y="1" width="10" height="10" rx="2.2" />
      <rect x="13" y="1" width="10" height="10" rx="2.2" opacity="0.45" />
      <rect x="1" y="13" width="10" height="10" rx="2.2" opacity="0.7" />
      <rect x="14.2" y="14.2" width="8" height="8" rx="2" transform="rotate(14 18.2 18.2)" />
    </svg>
  )
}
