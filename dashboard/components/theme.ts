/** @file Light or dark: as the reader's system has it, or as the reader has chosen here. */
import { createStore, type Store } from './store.ts'

export type ThemeChoice = 'auto' | 'light' | 'dark'
export const THEME_CHOICES: readonly ThemeChoice[] = ['auto', 'light', 'dark']
const KEY = 'tessera.theme'

export interface Theme {
  readonly choice: Store<ThemeChoice>
  /** What is shown. Charts are drawn again when it changes. */
  readonly shown: Store<'light' | 'dark'>
  choose(choice: ThemeChoice): void
}

/** Sets the theme on the document, and follows the system as long as nothing else was chosen. */
export function startTheme(window: Window & typeof globalThis): Theme {
  const system = window.matchMedia('(prefers-color-scheme: dark)')
  const choice = createStore<ThemeChoice>(read(window))
  const shown = createStore<'light' | 'dark'>('light')
  const apply = (): void => {
    const chosen = choice.get()
    const theme = chosen === 'auto' ? (system.matches ? 'dark' : 'light') : chosen
    window.document.documentElement.dataset.theme = theme
    shown.set(theme)
  }
  system.addEventListener('change', apply)
  apply()
  return {
    choice,
    shown,
    choose(chosen) {
      choice.set(chosen)
      try {
        window.localStorage.setItem(KEY, chosen)
      } catch {
        // A browser that keeps nothing forgets the choice, no more.
      }
      apply()
    },
  }
}

function read(window: Window): ThemeChoice {
  try {
    const kept = window.localStorage.getItem(KEY)
    return THEME_CHOICES.find((choice) => choice === kept) ?? 'auto'
  } catch {
    return 'auto'
  }
}
