/** @file Questions over HTTP to the server that the page came from. */

/** What the server has refused, or why it did not answer. */
export class RequestError extends Error {
  /** Of docs/errors.md; `''` when no server has answered. */
  readonly code: string
  /** The refusal as it came. */
  readonly body: unknown
  constructor(code: string, message: string, body: unknown = null) {
    super(message)
    this.name = 'RequestError'
    this.code = code
    this.body = body
  }
}

export interface RequestOptions {
  /** Sent as JSON, or as it is when it is a file. Absent: GET. */
  readonly body?: unknown
  readonly signal?: AbortSignal
  /** Said when no server answers. */
  readonly unreachable: string
}

/** Gives the answer's JSON. @throws {RequestError} */
export async function request<Answer>(address: string, options: RequestOptions): Promise<Answer> {
  const { body, signal = null, unreachable } = options
  const file = body instanceof Blob
  const asked: RequestInit =
    body === undefined
      ? { signal }
      : {
          method: 'POST',
          signal,
          headers: { 'Content-Type': file ? 'application/octet-stream' : 'application/json' },
          body: file ? body : JSON.stringify(body),
        }
  const response = await fetch(address, { ...asked, credentials: 'same-origin' }).catch((error: unknown) => {
    if (signal?.aborted) throw error
    throw new RequestError('', unreachable)
  })
  const answer: unknown = await response.json().catch(() => null)
  if (response.ok) return answer as Answer
  const { code, message } = refusalOf(answer, `${response.status} ${response.statusText}`)
  throw new RequestError(code, message, answer)
}

function refusalOf(answer: unknown, otherwise: string): { code: string; message: string } {
  if (typeof answer !== 'object' || answer === null) return { code: '', message: otherwise }
  const { code, message } = answer as { code?: unknown; message?: unknown }
  return {
    code: typeof code === 'string' ? code : '',
    message: typeof message === 'string' ? message : otherwise,
  }
}
