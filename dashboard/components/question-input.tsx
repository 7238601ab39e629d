/** @file One thing that is asked for in a dialog, beside yes and no. */
import type { JSX } from 'preact'
import { useId } from 'preact/hooks'
import { type QuestionField, SET } from './question.ts'
import { Message } from './states.tsx'

export interface QuestionInputProps {
  readonly field: QuestionField
  readonly value: string
  readonly fault: string | undefined
  readonly onChange: (value: string) => void
}

export function QuestionInput({ field, value, fault, onChange }: QuestionInputProps): JSX.Element {
  const { kind = 'text', label, hint, warning } = field
  const [id, noteId] = [useId(), useId()]
  if (kind === 'flag') {
    return (
      <div class="field">
        <label class="check">
          <input
            type="checkbox"
            checked={value === SET}
            onChange={(event) => onChange(event.currentTarget.checked ? SET : '')}
          />
          {label}
        </label>
        {warning && value === SET && <Message tone="warn">{warning}</Message>}
      </div>
    )
  }
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        class={`input${kind === 'text' ? ' input--code' : ''}`}
        inputmode={kind === 'number' ? 'numeric' : 'text'}
        autocomplete="off"
        spellcheck={false}
        value={value}
        aria-invalid={fault !== undefined}
        aria-describedby={noteId}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      <div id={noteId}>
        {fault === undefined ? (
          hint && <span class="field-hint">{hint}</span>
        ) : (
          <span class="field-error" role="alert">
            {fault}
          </span>
        )}
      </div>
    </div>
  )
}
