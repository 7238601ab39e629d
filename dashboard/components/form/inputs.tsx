/** @file The input of one field. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { Field } from './fields.ts'

export interface InputProps {
  readonly id: string
  readonly field: Field
  readonly value: unknown
  readonly optional: boolean
  readonly invalid: boolean
  readonly describedBy: string | undefined
  /** The choice of nothing, where that may be. */
  readonly notSet: string
  readonly onChange: (value: unknown) => void
}

export function FieldInput(props: InputProps): JSX.Element | null {
  const { id, field, value, optional, invalid, describedBy, notSet, onChange } = props
  const common = { id, class: 'input', 'aria-invalid': invalid, 'aria-describedby': describedBy }
  switch (field.kind) {
    case 'flag':
      return (
        <input
          {...common}
          class=""
          type="checkbox"
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      )
    case 'choice':
    case 'constant': {
      const options = field.kind === 'choice' ? field.options : [String(field.value)]
      return (
        <select
          {...common}
          value={typeof value === 'string' ? value : ''}
          onChange={(event) => onChange(event.currentTarget.value || undefined)}
        >
          {optional && <option value="">{notSet}</option>}
          {options.map((option) => (
            <option key={option} value={option}>
              {option}
            </option>
          ))}
        </select>
      )
    }
    case 'list':
      return <ListInput {...props} />
    case 'number':
      return (
        <input
          {...common}
          class="input"
          type="number"
          step={field.integer ? 1 : 'any'}
          value={typeof value === 'number' ? value : ''}
          onInput={(event) => onChange(readNumber(event.currentTarget.value))}
        />
      )
    case 'text':
      return (
        <input
          {...common}
          autocomplete="off"
          spellcheck={false}
          value={typeof value === 'string' ? value : ''}
          onInput={(event) => onChange(event.currentTarget.value || (optional ? undefined : ''))}
        />
      )
    case 'group':
    case 'union':
      return null
  }
}

/** One item a line. What is typed is kept beside the items, or an empty line could not be begun. */
function ListInput({ id, field, value, invalid, describedBy, onChange }: InputProps): JSX.Element {
  const numbers = field.kind === 'list' && field.item.kind === 'number'
  const [typed, setTyped] = useState(() => (Array.isArray(value) ? value.join('\n') : ''))
  return (
    <textarea
      id={id}
      class="input"
      rows={4}
      aria-invalid={invalid}
      aria-describedby={describedBy}
      value={typed}
      onInput={(event) => {
        const text = event.currentTarget.value
        setTyped(text)
        const lines = text
          .split('\n')
          .map((line) => line.trim())
          .filter((line) => line !== '')
        onChange(numbers ? lines.map((line) => readNumber(line) ?? Number.NaN) : lines)
      }}
    />
  )
}

function readNumber(text: string): number | undefined {
  return text.trim() === '' ? undefined : Number(text)
}
