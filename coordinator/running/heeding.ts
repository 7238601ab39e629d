/** @file What a running study does about events that others have logged: an operator's word, a revocation, a new key. */
import { TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import { announce } from './announce.ts'
import type { Attendance } from './attendance.ts'
import type { Deliveries } from './deliveries.ts'
import type { Drive } from './drive.ts'
import type { LastWords } from './last-words.ts'
import type { RoundTime } from './round-time.ts'
import type { StudyContext, StudyRun } from './study-context.ts'
import type { StudyLog } from './study-log.ts'

export interface HeedingOptions {
  readonly rounds: Pick<StudyLog, 'state' | 'believe'>
  readonly attendance: Attendance
  readonly deliveries: Pick<Deliveries, 'clear' | 'drop'>
  readonly drive: Pick<Drive, 'inBackground' | 'advance'>
  readonly lastWords: Pick<LastWords, 'look'>
  readonly time: Pick<RoundTime, 'end'>
  readonly log: Log
  readonly changed: () => void
  readonly onEnd: StudyContext['onEnd']
}

/** Builds it for one study. */
export function createHeeding(options: HeedingOptions): Pick<StudyRun, 'revoke' | 'obey' | 'replaceKey'> {
  const { rounds, attendance, deliveries, drive, lastWords, time, log, changed, onEnd } = options
  const { inBackground, advance } = drive
  return {
    revoke(event) {
      rounds.believe(event)
      const revoked = new TesseraError('ERR_SITE_REVOKED', `site must not be revoked, got ${event.site}`)
      attendance.expel(event.site, revoked)
      changed()
      lastWords.look()
      inBackground(advance)
      inBackground(() => deliveries.drop(event.site))
    },
    obey(event) {
      rounds.believe(event)
      const state = rounds.state()
      announce(log, event, state)
      if (state.phase !== 'collecting') time.end()
      changed()
      // Nothing that sites are told: who is at work hears it with the record.
      if (event.type === 'round.called') return inBackground(advance)
      const told = attendance.sendSnapshots()
      if (state.phase === 'cancelled') {
        inBackground(async () => {
          await told
          onEnd(null)
        })
        inBackground(() => deliveries.clear())
      } else inBackground(() => told.then(() => advance()))
    },
    replaceKey(site) {
      attendance.refuse(
        site,
        new TesseraError(
          'ERR_SITE_KEY',
          `site must speak with its new key, got a session of ${site}'s old one`,
        ),
      )
      // What the old key has announced and not delivered must be announced again.
      inBackground(() => deliveries.drop(site))
    },
  }
}
