/** @file Which sites are connected to a study, and what each of them is told: socket state never decides anything but who is there to be told. */
import type { Clock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import type { KeyPair } from '@tessera/shared/security'
import { hasPublished, lastRecord, type RoundsState } from '../rounds/index.ts'
import type { Store } from '../store/index.ts'
import type { PlannedStudy } from '../studies/plan.ts'
import type { Queue } from './queue.ts'
import type { Claim, Peer } from './study-context.ts'
import { signOffer, signWelcome } from './tokens.ts'

export interface AttendanceOptions {
  readonly created: PlannedStudy
  readonly models: Store['models']
  readonly key: KeyPair
  readonly clock: Clock
  readonly log: Log
  readonly deciding: Queue
  /** Of the study's rounds, now. */
  readonly state: () => RoundsState
  /** Bytes that are there of a site's upload. */
  readonly receivedOf: (site: string) => number
}

/** What a site was told that joined. */
export interface Entry {
  readonly welcome: string
  /** It says that it has seen what the log does not know: it has to show it, and is not taken in. */
  readonly proves: boolean
  /** False also for a connection that broke meanwhile. */
  readonly entered: boolean
  /** Nonce of the offer that the welcome holds. */
  readonly offerNonce: string | undefined
}

export interface Attendance {
  sites(): string[]
  /**
   * Takes a site in, if it may be; a newer connection of the same agent replaces the one before.
   * @throws {TesseraError} ERR_SITE_BUSY while another agent of the site is connected.
   */
  enter(peer: Peer, claim: Claim): Promise<Entry>
  /** Tells a site that has just entered what its welcome may lack: the newest record, and an offer that was opened meanwhile. */
  catchUp(peer: Peer, claim: Claim, offerNonce: string | undefined): Promise<void>
  /** True when it was there: not when a newer connection has replaced it. */
  leave(peer: Peer): boolean
  /** Offers the open round to all sites that are asked. */
  sendOffers(): Promise<void>
  /** Tells all sites where the study stands now. */
  sendSnapshots(): Promise<void>
  /** Fulfilled when all have heard of it who will. */
  sendRecord(record: string): Promise<void>
  /** Says why to a site, and disconnects it. */
  refuse(site: string, error: TesseraError): void
  /** The same, and it counts as gone at once. */
  expel(site: string, error: TesseraError): void
}

/** Builds the attendance of one study, empty. */
export function createAttendance({
  created,
  models,
  key,
  clock,
  log,
  deciding,
  state,
  receivedOf,
}: AttendanceOptions): Attendance {
  const peers = new Map<string, Peer>()

  const offerOf = (site: string): Promise<string | null> => signOffer(created, state(), site, models, key)
  const sendOffer = async (peer: Peer): Promise<void> => {
    const offer = await offerOf(peer.site)
    if (offer !== null) peer.offer(offer)
  }
  const welcome = ({ site, nonce }: Peer, offer: string | null, prove: boolean): Promise<string> => {
    const receivedBytes = receivedOf(site)
    return signWelcome(
      created,
      state(),
      { site, nonce, offer, receivedBytes, prove, nowMs: clock.now() },
      key,
    )
  }
  const assertAlone = ({ site, instance }: Peer): void => {
    const other = peers.get(site)
    if (other === undefined || other.instance === instance) return
    throw new TesseraError(
      'ERR_SITE_BUSY',
      `site ${site} must have one running agent, got a second: stop one of the two; this one waits until the other is gone`,
    )
  }

  return {
    sites: () => [...peers.keys()],
    async enter(peer, { ledger, work }) {
      assertAlone(peer)
      const { site } = peer
      // Between two decisions: what one has begun to change is not told as it was.
      const told = await deciding(async () => {
        const proves = ledger !== null && !hasPublished(state(), ledger.round, ledger.record)
        const offer = proves ? null : await offerOf(site)
        const offerNonce = offer === null ? undefined : state().current?.offers.get(site)
        return { welcome: await welcome(peer, offer, proves), proves, offerNonce }
      })
      if (told.proves || !peer.connected()) return { ...told, entered: false }
      assertAlone(peer)
      const earlier = peers.get(site)
      peers.set(site, peer)
      if (earlier !== undefined) {
        log.warn('site.replaced', { site })
        earlier.refuse(
          new TesseraError(
            'ERR_CONNECTION_LOST',
            'site must have one session a study, got a newer one that replaces this',
          ),
        )
      }
      log.info('site.joined', {
        site,
        sites: peers.size,
        ...(work && { round: work.round, reason: work.state }),
      })
      return { ...told, entered: true }
    },
    async catchUp(peer, { ledger }, offerNonce) {
      const record = lastRecord(state())
      if (record !== null && ledger?.record !== state().previous) void peer.published(record)
      if (state().current?.offers.get(peer.site) !== offerNonce) await sendOffer(peer)
    },
    leave(peer) {
      if (peers.get(peer.site) !== peer) return false
      peers.delete(peer.site)
      log.info('site.left', { site: peer.site, sites: peers.size })
      return true
    },
    async sendOffers() {
      for (const peer of peers.values()) await sendOffer(peer)
    },
    async sendSnapshots() {
      await Promise.all(
        [...peers.values()].map(async (peer) =>
          peer.snapshot(await welcome(peer, await offerOf(peer.site), false)),
        ),
      )
    },
    async sendRecord(record) {
      await Promise.all([...peers.values()].map((peer) => peer.published(record)))
    },
    refuse: (site, error) => peers.get(site)?.refuse(error),
    expel(site, error) {
      peers.get(site)?.refuse(error)
      peers.delete(site)
    },
  }
}
