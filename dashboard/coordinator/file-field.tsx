/** @file A file that goes with a form. */
import type { JSX } from 'preact'
import { useId } from 'preact/hooks'

export interface FileFieldProps {
  readonly label: string
  readonly hint: string
  readonly fault: string | undefined
  readonly onFile: (file: File | null) => void
}

export function FileField({ label, hint, fault, onFile }: FileFieldProps): JSX.Element {
  const [id, noteId] = [useId(), useId()]
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        class="input"
        type="file"
        accept=".safetensors,.onnx"
        aria-describedby={noteId}
        aria-invalid={fault !== undefined}
        onChange={(event) => onFile(event.currentTarget.files?.[0] ?? null)}
      />
      <span id={noteId} class={fault === undefined ? 'field-hint' : 'field-error'}>
        {fault ?? hint}
      </span>
    </div>
  )
}
