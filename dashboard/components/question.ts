/** @file What is asked before something is done. */
import type { ComponentChildren } from 'preact'

export interface Question {
  readonly title: string
  /** One sentence each. */
  readonly consequences: readonly string[]
  /** What does the same at a terminal; of a question with fields it may hang on what they say. */
  readonly command: string | ((answers: Answers) => string)
  readonly confirm: string
  /** It cannot be taken back. */
  readonly danger?: boolean
  readonly fields?: readonly QuestionField[]
  /** Shown above the fields: what is to be compared. */
  readonly children?: ComponentChildren
  /** Rejects with an error whose message people can read. */
  readonly act: (answers: Answers) => Promise<void>
}

export interface QuestionField {
  readonly name: string
  /** Default: a text. A flag is `''` or {@link SET}. */
  readonly kind?: 'text' | 'number' | 'flag'
  readonly label: string
  readonly hint?: string
  /** Default: nothing. */
  readonly initial?: string
  /** Said while a flag is set. */
  readonly warning?: string
  /** Null: it will do; otherwise what is wrong with it. */
  readonly fault?: (value: string) => string | null
}

/** What was said, by the fields' names. */
export type Answers = Readonly<Record<string, string>>

/** The value of a flag that is set. */
export const SET = 'yes'

/** Asks for a name to be typed: what cannot be taken back is not done by a slip of the hand. */
export function typedName(name: string, label: string, differs: string): QuestionField {
  return { name: 'typed', label, fault: (typed) => (typed.trim() === name ? null : differs) }
}
