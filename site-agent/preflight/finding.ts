/** @file One line of a preflight: what was looked at, how it is, and what to do about it. */

export interface Finding {
  readonly name: string
  /** `warn`: it would start, and may disappoint. `fail`: it would not work. */
  readonly status: 'ok' | 'warn' | 'fail'
  readonly text: string
  /** What to do; empty when all is well. */
  readonly advice: string
}

export function ok(name: string, text: string): Finding {
  return { name, status: 'ok', text, advice: '' }
}

export function warn(name: string, text: string, advice: string): Finding {
  return { name, status: 'warn', text, advice }
}

export function fail(name: string, text: string, advice: string): Finding {
  return { name, status: 'fail', text, advice }
}
