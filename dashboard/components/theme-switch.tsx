/** @file The button that goes through system, light and dark. */
import type { JSX } from 'preact'
import { Icon, type IconName } from './icon.tsx'
import { useStore } from './store.ts'
import { THEME_CHOICES, type Theme, type ThemeChoice } from './theme.ts'

const ICONS: Readonly<Record<ThemeChoice, IconName>> = { auto: 'auto', light: 'sun', dark: 'moon' }

export interface ThemeSwitchProps {
  readonly theme: Theme
  readonly label: string
  readonly names: Readonly<Record<ThemeChoice, string>>
}

export function ThemeSwitch({ theme, label, names }: ThemeSwitchProps): JSX.Element {
  const choice = useStore(theme.choice)
  const next = THEME_CHOICES[(THEME_CHOICES.indexOf(choice) + 1) % THEME_CHOICES.length] ?? 'auto'
  return (
    <button type="button" class="button button--quiet button--small" onClick={() => theme.choose(next)}>
      <Icon name={ICONS[choice]} />
      <span class="visually-hidden">{label} </span>
      <span class="foot-text">{names[choice]}</span>
    </button>
  )
}
