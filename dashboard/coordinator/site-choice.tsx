/** @file Chooses which sites have curves of their own. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { text } from '../text/en.ts'

export interface SiteChoiceProps {
  readonly names: readonly string[]
  readonly chosen: readonly string[]
  readonly most: number
  readonly onChoose: (chosen: readonly string[]) => void
}

export function SiteChoice({ names, chosen, most, onChoose }: SiteChoiceProps): JSX.Element {
  const [typed, setTyped] = useState('')
  const texts = text.results
  const add = (name: string): void => {
    setTyped(name)
    if (!names.includes(name) || chosen.includes(name)) return
    // The one that was chosen first makes room.
    onChoose([...chosen, name].slice(-most))
    setTyped('')
  }
  return (
    <div class="site-choice">
      {chosen.map((name) => (
        <button
          key={name}
          type="button"
          class="button button--small"
          aria-label={texts.removeCurve(name)}
          onClick={() => onChoose(chosen.filter((other) => other !== name))}
        >
          {name} ×
        </button>
      ))}
      <input
        class="input search"
        list="site-names"
        aria-label={texts.addCurve}
        placeholder={texts.addCurve}
        value={typed}
        onInput={(event) => add(event.currentTarget.value)}
      />
      <datalist id="site-names">
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </div>
  )
}
