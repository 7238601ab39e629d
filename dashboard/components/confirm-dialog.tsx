/**
 * @file Asks before something is done: what will happen, the verb of the command line that does the same, and, where it must not be done in
 * passing, something to type.
 */
import type { JSX } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import type { Answers, Question, QuestionField } from './question.ts'
import { QuestionInput } from './question-input.tsx'
import { Message } from './states.tsx'

export interface ConfirmDialogProps {
  readonly question: Question
  readonly labels: { readonly cancel: string; readonly command: string; readonly busy: string }
  readonly onClose: () => void
}

export function ConfirmDialog({ question, labels, onClose }: ConfirmDialogProps): JSX.Element {
  const { title, consequences, command, confirm, danger, fields = [], children, act } = question
  const dialog = useRef<HTMLDialogElement>(null)
  const [answers, setAnswers] = useState<Answers>(() =>
    Object.fromEntries(fields.map(({ name, initial = '' }) => [name, initial])),
  )
  const [faults, setFaults] = useState<Answers>({})
  const [failure, setFailure] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const titleId = useId()
  // The browser keeps the focus inside a modal dialog and gives it back afterwards.
  useEffect(() => dialog.current?.showModal(), [])

  const submit = async (): Promise<void> => {
    const wrong = faultsIn(fields, answers)
    setFaults(wrong)
    if (Object.keys(wrong).length > 0 || busy) return
    setBusy(true)
    setFailure(null)
    try {
      await act(answers)
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
          {fields.map((field) => (
            <QuestionInput
              key={field.name}
              field={field}
              value={answers[field.name] ?? ''}
              fault={faults[field.name]}
              onChange={(value) => setAnswers({ ...answers, [field.name]: value })}
            />
          ))}
          <div class="command">
            <span class="faint">{labels.command}</span>
            <code>{typeof command === 'string' ? command : command(answers)}</code>
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

function faultsIn(fields: readonly QuestionField[], answers: Answers): Answers {
  return Object.fromEntries(
    fields.flatMap(({ name, fault }) => {
      const wrong = fault?.(answers[name] ?? '') ?? null
      return wrong === null ? [] : [[name, wrong]]
    }),
  )
}
