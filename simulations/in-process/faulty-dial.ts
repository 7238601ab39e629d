/** @file Faults on a site's line: what leaves is cut, held up or damaged on the way, after the gate has passed it. */
import { setTimeout as wait } from 'node:timers/promises'
import { readUnverified } from '@tessera/shared/security'
import type { Dial, DialledSocket, UplinkParser } from '@tessera/site-agent'
import type { Fault } from '../experiment/faults.ts'

/** A packet of a site, as its encoder is given it. */
type Packet = Parameters<InstanceType<UplinkParser['Encoder']>['encode']>[0]

/** Gives a dial whose line has these faults, those of one site. Each that strikes once a round does so on the first chunk of the upload. */
export function faultyDial(dial: Dial, faults: readonly Fault[]): Dial {
  /** Faults that have struck, by kind and round: a cut line that is cut each time it is mended is no line. */
  const struck = new Set<string>()
  let round = 0
  const strikes = (kind: Fault['do']): boolean => {
    const key = `${kind} ${round}`
    const planned = faults.some((fault) => fault.do === kind && fault.rounds.includes(round))
    if (!planned || struck.has(key)) return false
    struck.add(key)
    return true
  }
  const delayMs = (): number =>
    faults.reduce(
      (sum, fault) => sum + (fault.do === 'delay' && fault.rounds.includes(round) ? fault.ms : 0),
      0,
    )

  return (url, parser) => {
    let socket: DialledSocket | null = null
    let uploading = false
    class FaultyEncoder extends parser.Encoder {
      override encode(packet: Packet): Uint8Array[] {
        const frames = super.encode(packet)
        const [event, body] = Array.isArray(packet.data) ? (packet.data as [unknown, unknown]) : []
        if (event === 'upload:open')
          round = readUnverified('manifest', (body as { manifest: string }).manifest).round
        uploading = typeof event === 'string' && event.startsWith('upload:')
        if (event !== 'upload:chunk') return frames
        if (strikes('drop')) setImmediate(() => socket?.disconnect())
        return strikes('corrupt') ? frames.map(damaged) : frames
      }
    }
    socket = dial(url, {
      ...parser,
      Encoder: FaultyEncoder,
      async recorded() {
        await parser.recorded()
        const ms = uploading ? delayMs() : 0
        if (ms > 0) await wait(ms)
      },
    })
    return socket
  }
}

/** One bit in the middle of a chunk's frame, which is in the middle of the chunk. */
function damaged(frame: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(frame)
  const middle = copy.length >> 1
  copy[middle] = (copy[middle] ?? 0) ^ 1
  return copy
}
