/** @file What the log for people says of each event. */
import type { Log } from '@tessera/shared/log'
import { itemsOf } from '@tessera/shared/metrics'
import { alarms, type RoundEvent, type RoundsState, staleness } from '../rounds/index.ts'

/** @param state After the event. */
export function announce(log: Log, event: RoundEvent, state: RoundsState): void {
  switch (event.type) {
    case 'round.opened': {
      const { round, attempt, offers } = event
      log.info('round.opened', { round, attempt, sites: offers.length })
      break
    }
    case 'deadline.moved': {
      const { round, attempt, deadlines } = event
      log.info('deadline.moved', { round, attempt, sites: deadlines.length })
      break
    }
    case 'update.accepted': {
      const { site, round, attempt, samples, bytes, norm } = event
      log.info('update.accepted', { site, round, attempt, samples, bytes, norm, count: staleness(event) })
      break
    }
    case 'judgement.accepted': {
      const { site, round, counts, withheld } = event
      const told = counts === null ? { reason: withheld ?? '' } : { samples: itemsOf(counts) }
      log.info('judgement.accepted', { site, round, ...told })
      break
    }
    case 'round.declined':
      log.warn('site.declined', { site: event.site, round: event.round, code: event.code })
      break
    case 'round.closed': {
      const { round, attempt, outcome } = event
      for (const { site, code } of event.absent) log.warn('site.absent', { site, code, round })
      log.info('round.closed', { round, attempt, sites: event.contributors.length, reason: outcome })
      if (outcome === 'publish') sayWhoIsLeftOut(log, round, state)
      break
    }
    case 'round.published':
    case 'site.revoked':
      break
    case 'study.stopped':
      log.error('study.stopped', { round: event.round, code: 'ERR_ROUND_EMPTY' })
      break
    case 'study.resumed':
      log.info('study.resumed', { round: event.round })
      break
    case 'study.paused':
    case 'study.unpaused':
    case 'study.cancelled':
      log.info(event.type, { round: state.round })
      break
    case 'round.called':
      log.info('round.called', { round: event.round, attempt: event.attempt })
      break
    case 'study.halted':
      log.error('study.halted', {
        site: event.site,
        round: event.record,
        code: 'ERR_LEDGER_BEHIND',
        reason:
          'a site has a record of this round that the log does not have: restore a newer backup, or clone the study',
      })
      break
  }
}

/** Loud, and again each round: a site that is missing is easily not missed. */
function sayWhoIsLeftOut(log: Log, round: number, state: RoundsState): void {
  for (const { site, rounds } of alarms(state)) {
    log.error('site.excluded', {
      site,
      round,
      count: rounds,
      reason: `left out of ${rounds} rounds running: tessera coordinator study report says why`,
    })
  }
}
