/** @file The answer to a question, asked again when it changes; an answer that comes too late is not taken. */
import { useEffect, useState } from 'preact/hooks'

export type Answered<T> =
  | { readonly state: 'loading'; readonly value: T | null }
  | { readonly state: 'done'; readonly value: T }
  | { readonly state: 'failed'; readonly value: T | null; readonly message: string }

/**
 * @param key What the question depends on; null: it is not asked.
 * @param fresh When it changes, the same question is asked again, and the old answer is shown meanwhile.
 */
export function useRequest<T>(
  key: string | null,
  fresh: string | number,
  ask: (signal: AbortSignal) => Promise<T>,
): Answered<T> {
  const [held, setHeld] = useState<{ readonly key: string | null; readonly answered: Answered<T> }>({
    key: null,
    answered: { state: 'loading', value: null },
  })
  useEffect(() => {
    if (key === null) return undefined
    const end = new AbortController()
    const take = async (): Promise<void> => {
      try {
        const value = await ask(end.signal)
        if (!end.signal.aborted) setHeld({ key, answered: { state: 'done', value } })
      } catch (error) {
        if (end.signal.aborted) return
        const message = error instanceof Error ? error.message : String(error)
        setHeld((old) => ({
          key,
          answered: { state: 'failed', value: old.key === key ? old.answered.value : null, message },
        }))
      }
    }
    void take()
    return () => end.abort()
  }, [key, fresh])
  // Another question's answer is no answer to this one.
  return held.key === key ? held.answered : { state: 'loading', value: null }
}
