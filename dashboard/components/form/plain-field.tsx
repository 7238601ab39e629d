/** @file One field that is no group: its label, its input, and what is to be said about it. */
import type { JSX } from 'preact'
import { useId } from 'preact/hooks'
import type { Field } from './fields.ts'
import { FieldInput } from './inputs.tsx'
import type { FormProps } from './schema-form.tsx'

export interface PlainFieldProps extends FormProps {
  readonly field: Field
  readonly path: string
  readonly optional: boolean
}

export function PlainField(props: PlainFieldProps): JSX.Element {
  const { field, path, value, optional, faults, texts, onChange } = props
  const [id, noteId] = [useId(), useId()]
  const fault = faults.get(path)
  const note = fault ?? texts.hint(path) ?? (field.kind === 'list' ? texts.onePerLine : undefined)
  const label = <label for={id}>{texts.label(path)}</label>
  const input = (
    <FieldInput
      id={id}
      field={field}
      value={value}
      optional={optional}
      invalid={fault !== undefined}
      describedBy={note === undefined ? undefined : noteId}
      notSet={texts.notSet}
      onChange={onChange}
    />
  )
  return (
    <div class={`field${field.kind === 'list' ? ' form-wide' : ''}`}>
      {field.kind === 'flag' ? (
        <span class="check">
          {input}
          {label}
        </span>
      ) : (
        <>
          {label}
          {input}
        </>
      )}
      {note !== undefined && (
        <span class={fault === undefined ? 'field-hint' : 'field-error'} id={noteId}>
          {note}
        </span>
      )}
    </div>
  )
}
