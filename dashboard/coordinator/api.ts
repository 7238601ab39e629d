/** @file What the page asks the coordinator; every address is relative to the page's own. Contract: shared/dashboard/coordinator-api.ts. */
import type {
  CreatedStudy,
  Exported,
  ExportRequest,
  Invitation,
  JudgingReport,
  Kit,
  NewStudy,
  Session,
  SiteHistory,
  StudyHistory,
  Uploaded,
} from '@tessera/shared/dashboard/coordinator-api'
import type { JsonSchema } from '../components/form/fields.ts'
import { request } from '../live/request.ts'
import { text } from '../text/en.ts'

export type StudyAct = 'pause' | 'resume' | 'cancel' | 'close-round' | 'verify'

const unreachable = text.states.unreachable
const get = async <T>(path: string, signal?: AbortSignal): Promise<T> =>
  await request<T>(`api/${path}`, { unreachable, ...(signal && { signal }) })
const post = async <T>(path: string, body: unknown = {}): Promise<T> =>
  await request<T>(`api/${path}`, { body, unreachable })
const of = encodeURIComponent

export const api = {
  session: async () => await get<Session>('session'),
  signIn: async (link: string) => await post<Session>('session', { link }),
  signOut: async () => await post('session/end'),
  studySchema: async (signal: AbortSignal) => await get<JsonSchema>('study-schema', signal),
  study: async (study: string, signal: AbortSignal) => await get<unknown>(`studies/${of(study)}`, signal),
  history: async (study: string, signal: AbortSignal) =>
    await get<StudyHistory>(`studies/${of(study)}/history`, signal),
  siteHistory: async (study: string, site: string, signal: AbortSignal) =>
    await get<SiteHistory>(`studies/${of(study)}/history/${of(site)}`, signal),
  judging: async (study: string, signal: AbortSignal) =>
    await get<JudgingReport>(`studies/${of(study)}/judging`, signal),
  actOnStudy: async (study: string, act: StudyAct) => await post(`studies/${of(study)}/${act}`),
  exportStudent: async (study: string, body: ExportRequest) =>
    await post<Exported>(`studies/${of(study)}/export`, body),
  exportedFile: (exported: string, file: string): string => `api/exports/${of(exported)}/${of(file)}`,
  upload: async (file: Blob) => await post<Uploaded>('uploads', file),
  createStudy: async (body: NewStudy) => await post<CreatedStudy>('studies', body),
  invite: async (site: string, body: Invitation) => await post<Kit>(`sites/${of(site)}/invite`, body),
  approve: async (site: string, fingerprint: string) =>
    await post(`sites/${of(site)}/approve`, { fingerprint }),
  revoke: async (site: string) => await post(`sites/${of(site)}/revoke`),
  withdraw: async (site: string) => await post(`sites/${of(site)}/withdraw`),
} as const
