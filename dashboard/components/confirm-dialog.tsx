/**
 * @file Asks before something is done: what will happen, the verb of the command line that does the same, and, where it must not be done in
 * passing, something to type.
 */
import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { Message } from './states.tsx'

export interface Question {
  readonly title: string
  /** One sentence each. */
  readonly consequences: readonly string[]
  /** What does the same at a terminal. */
  readonly command: string
  readonly confirm: string
  /** It cannot be taken back. */
  readonly danger?: boolean
  readonly input?: {
    readonly label: string
    readonly hint?: string
    /** Null: it will do; otherwise what is wrong with it. */
    readonly fault: (text: string) => string | null
  }
  /** Shown above the input: what is to be compared. */
  readonly children?: ComponentChildren
  /** Rejects with an error whose message people can read. */
  readonly act: (input: string) => Promise<void>
}

export interface ConfirmDialogProps {
  readonly question: Question
  readonly labels: { readonly cancel: string; readonly command: string; readonly busy: string }
  readonly onClose: () => void
}

export function ConfirmDialog({ question, labels, onClose }: ConfirmDialogProps): JSX.Element {
  const { title, consequences, command, confirm, danger, input, children, act } = question
  const dialog = useRef<HTMLDialogElement>(null)
  const [text, setText] = useState('')
  const [fault, setFault] = useState<string | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const [titleId, inputId, hintId] = [useId(), useId(), useId()]
  // The browser keeps the focus inside a modal dialog and gives it back afterwards.
  useEffect(() => dialog.current?.showModal(), [])

  const submit = async (): Promise<void> => {
    const wrong = input?.fault(text) ?? null
    setFault(wrong)
    if (wrong !== null || busy) return
    setBusy(true)
    setFailure(null)
    try {
      await act(text)
      onClose()
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error))
      setBusy(false)
    }
  }
  return (
    <dialog ref={dialog} aria-labelledby={titleId} onClose={onClose}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        <div class="dialog-body">
          <h2 id={titleId}>{title}</h2>
          <ul class="dialog-list">
            {consequences.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
          {children}
          {input && (
            <div class="field">
              <label for={inputId}>{input.label}</label>
              <input
                id={inputId}
                class="input input--code"
                autocomplete="off"
                spellcheck={false}
                value={text}
                aria-invalid={fault !== null}
                aria-describedby={hintId}
                onInput={(event) => setText(event.currentTarget.value)}
              />
              <div id={hintId}>
                {fault === null ? (
                  input.hint && <span class="field-hint">{input.hint}</span>
                ) : (
                  <span class="field-error" role="alert">
                    {fault}
                  </span>
                )}
              </div>
            </div>
          )}
          <div class="command">
            <span class="faint">{labels.command}</span>
            <code>{command}</code>
          </div>
          {failure !== null && <Message tone="alarm">{failure}</Message>}
        </div>
        <div class="dialog-foot">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {labels.cancel}
          </button>
          <button
            type="submit"
            class={`button button--primary${danger ? ' button--danger' : ''}`}
            aria-disabled={busy}
          >
            {busy ? labels.busy : confirm}
          </button>
        </div>
      </form>
    </dialog>
  )
}
