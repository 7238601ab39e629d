/** @file The socket of a page's live view. */
import { io } from 'socket.io-client'
import type { LiveSocket } from './live-view.ts'

/** Between two tries, at most: a person who waits for the page sees it come back at once. */
const MAX_WAIT_MS = 5000

/** @param path Of the live view below the page's own address, which may stand under any path of a proxy. */
export function connectLive<View, Change>(path: string): LiveSocket<View, Change> {
  const url = new URL(path, document.baseURI)
  const socket: LiveSocket<View, Change> = io(url.origin, {
    path: url.pathname,
    // A proxy that allows no websocket gets long polling.
    transports: ['websocket', 'polling'],
    tryAllTransports: true,
    reconnectionDelay: 500,
    reconnectionDelayMax: MAX_WAIT_MS,
  })
  return socket
}
