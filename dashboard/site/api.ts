/** @file What the page asks and does over HTTP (shared/dashboard/site-api.ts). */
import type {
  Approval,
  FramePage,
  Leaving,
  PolicyInWords,
  PolicyText,
  PolicyToSign,
  SignedPolicy,
} from '@tessera/shared/dashboard/site-api'
import { request } from '../live/request.ts'
import { text } from '../text/site.ts'

const unreachable = text.states.unreachable

export interface FrameFilter {
  readonly study: string
  readonly kind: string
  readonly day: string
}

export const api = {
  session: async () => await get('session'),
  signIn: async (link: string) => await post('session', { link }),
  signOut: async () => await post('session/end'),
  frames: async (filter: FrameFilter, before: number | null, signal: AbortSignal) =>
    await get<FramePage>(`frames?${frameQuery(filter, before)}`, signal),
  leaving: async (signal: AbortSignal) => await get<Leaving>('leaving', signal),
  policy: async (signal: AbortSignal) => await get<PolicyText>('policy', signal),
  pause: async () => await post('pause'),
  resume: async () => await post('resume'),
  approve: async (approval: Approval) => await post('approve', approval),
  leave: async (study: string) => await post('leave', { study }),
  verify: async () => await post('audit/verify'),
  check: async () => await post('data/check'),
  readPolicy: async (draft: string) => await post<PolicyInWords>('policy/read', { text: draft }),
  signPolicy: async (toSign: PolicyToSign) => await post<SignedPolicy>('policy/sign', toSign),
} as const

/** Every line of the audit log, to be taken home. */
export const CSV_ADDRESS = 'api/frames.csv'
/** Of the server-sent events. */
export const LIVE_ADDRESS = 'api/live'

/** What is not asked for is left out. */
export function frameQuery(filter: FrameFilter, before: number | null): string {
  const asked = new URLSearchParams()
  for (const [name, value] of Object.entries(filter)) if (value !== '') asked.set(name, String(value))
  if (before !== null) asked.set('before', String(before))
  return asked.toString()
}

async function get<Answer = object>(path: string, signal?: AbortSignal): Promise<Answer> {
  return await request<Answer>(`api/${path}`, { unreachable, ...(signal && { signal }) })
}

async function post<Answer = object>(path: string, body: object = {}): Promise<Answer> {
  return await request<Answer>(`api/${path}`, { unreachable, body })
}
