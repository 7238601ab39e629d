/** @file The foot of the navigation: whether the page is up to date, who looks at it, the colours, the way out. */
import type { JSX } from 'preact'
import type { LiveState } from '../live/live-view.ts'
import { formatAgo } from './format.ts'
import { Icon } from './icon.tsx'
import type { Theme, ThemeChoice } from './theme.ts'
import { ThemeSwitch } from './theme-switch.tsx'
import { useNow } from './use-now.ts'

type Link = LiveState<unknown>['link']

export interface FrameFootProps {
  readonly link: Link
  readonly who: string
  readonly theme: Theme
  readonly texts: {
    readonly link: Readonly<Record<Link, string>>
    readonly theme: { readonly label: string; readonly names: Readonly<Record<ThemeChoice, string>> }
    readonly common: { readonly signOut: string }
  }
  readonly onSignOut: () => void
}

export function FrameFoot({ link, who, theme, texts, onSignOut }: FrameFootProps): JSX.Element {
  return (
    <>
      <span class={`live tone-${link === 'live' ? 'ok' : 'warn'}`}>{texts.link[link]}</span>
      <span class="session">{who}</span>
      <span class="foot-buttons">
        <ThemeSwitch theme={theme} label={texts.theme.label} names={texts.theme.names} />
        <button type="button" class="button button--quiet button--small" onClick={onSignOut}>
          <Icon name="leave" />
          <span class="foot-text">{texts.common.signOut}</span>
        </button>
      </span>
    </>
  )
}

export interface CutBannerProps {
  readonly state: LiveState<unknown>
  readonly sentence: (ago: string) => string
}

/** Over a view that is old, since when. */
export function CutBanner({ state: { link, cutSinceMs }, sentence }: CutBannerProps): JSX.Element | null {
  const now = useNow(0)
  if (link !== 'cut') return null
  return (
    <div class="banner tone-warn" role="alert">
      <Icon name="cut" />
      {sentence(formatAgo(cutSinceMs, now))}
    </div>
  )
}
