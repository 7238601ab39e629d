/**
 * @file How many connections there may be at once, in all and from one address. What is connected stays; whoever comes when there is no place is sent
 * away before it costs anything, and comes back later.
 */
import type { Server } from 'node:net'
import { TesseraError } from '@tessera/shared/errors'
import { isLoopback } from '@tessera/shared/protocol'

/** For who enrols, and for strangers: a consortium's whole first day, and some 20 MB of memory. */
const SPARE_SESSIONS = 256
/** A site has one session in each study, and a second one while nobody has noticed that the first is dead. */
const SESSIONS_A_SITE_AND_STUDY = 2
/** A hospital's agents come from one address, one a study and a few more: 64 are room for those, and a quarter of what is to spare. */
const SESSIONS_AN_ADDRESS = 64
/** A session over long polling has two requests under way, and as many again while it changes over to a WebSocket. */
const CONNECTIONS_A_SESSION = 4

export interface ConnectionLimits {
  readonly total: () => number
  /** Of one address. */
  readonly perAddress: number
}

/**
 * Gives the limits for sessions: as they are set, or by what sites and studies need.
 * @param places Pairs of a site and a study that it may join, now.
 */
export function sessionLimits(
  {
    maxSessions,
    maxSessionsPerAddress = SESSIONS_AN_ADDRESS,
  }: {
    readonly maxSessions?: number | undefined
    readonly maxSessionsPerAddress?: number | undefined
  },
  places: () => number,
): ConnectionLimits {
  return {
    total: () => maxSessions ?? SPARE_SESSIONS + SESSIONS_A_SITE_AND_STUDY * places(),
    perAddress: maxSessionsPerAddress,
  }
}

export interface Connections {
  /** Counts one in; gives how to count it out again. @throws {TesseraError} ERR_SESSIONS_FULL */
  enter(address: string): () => void
}

/** Builds the count, at nothing. Loopback has no limit of its own: whoever is on this machine, or tunnels to it, is not one client among others. */
export function createConnections({ total, perAddress }: ConnectionLimits): Connections {
  const byAddress = new Map<string, number>()
  let count = 0
  return {
    enter(from) {
      // A socket for both families writes IPv4 addresses so.
      const address = from.replace(/^::ffff:/i, '')
      const here = byAddress.get(address) ?? 0
      if (count >= total()) {
        throw new TesseraError(
          'ERR_SESSIONS_FULL',
          `coordinator must have at most ${total()} sessions at once, got one more`,
        )
      }
      if (here >= perAddress && !isLoopback(address)) {
        throw new TesseraError(
          'ERR_SESSIONS_FULL',
          `one address must have at most ${perAddress} sessions at once, got one more`,
        )
      }
      count++
      byAddress.set(address, here + 1)
      return () => {
        count--
        const left = (byAddress.get(address) ?? 1) - 1
        if (left > 0) byAddress.set(address, left)
        else byAddress.delete(address)
      }
    },
  }
}

/**
 * Hangs up on connections that are more than sessions need, whatever they may want: nothing was read of them yet, so nothing can be said.
 * @param proxy All come from one address.
 */
export function limitConnections(
  server: Server,
  { total, perAddress }: ConnectionLimits,
  proxy: boolean,
): void {
  const connections = createConnections({
    total: () => CONNECTIONS_A_SESSION * total(),
    perAddress: proxy ? Number.POSITIVE_INFINITY : CONNECTIONS_A_SESSION * perAddress,
  })
  server.on('connection', (socket) => {
    try {
      socket.once('close', connections.enter(socket.remoteAddress ?? ''))
    } catch {
      socket.destroy()
    }
  })
}
