/** @file What every view of the page has at hand. */
import { createDesk } from '../components/desk.ts'
import type { SiteLive } from './follow-events.ts'

/** Who has a link of this machine is in; no names, no roles. */
export type Session = object

export const [DeskContext, useDesk] = createDesk<SiteLive, Session>()
