/** @file The pages of the wire: each message and signed part with its fields, each limit with its reason. */
import * as protocol from '@tessera/shared/protocol'
import * as limits from '../../shared/protocol/limits.ts'
import { prose, table } from './markdown.ts'
import { commentsIn, readFields } from './sources.ts'

const messageComments = commentsIn('shared/protocol/messages.ts')
const partComments = commentsIn('shared/protocol/signed.ts')

/** Every message and every signed part. */
export function messagesPage(): string {
  return `# Messages and signed parts

Protocol version ${protocol.PROTOCOL_VERSION}. How a session goes, what is checked in which order and what a firewall sees: [protocol.md](../protocol.md).
Fields are exactly these: one more, one less, or one of another type is \`ERR_MESSAGE_INVALID\`. Texts named \`request\`, \`token\`, \`confirmation\`, \`welcome\`, \`offer\`, \`manifest\`,
\`receipt\`, \`judgement\` and \`record\` are [signed parts](#signed-parts).

## From a site

${catalogue(protocol.siteMessages, 'siteMessages')}

## From the coordinator

${catalogue(protocol.coordinatorMessages, 'coordinatorMessages')}

## Signed parts

Each is a compact JWS ([RFC 7515](https://www.rfc-editor.org/rfc/rfc7515)) with Ed25519 ([RFC 8037](https://www.rfc-editor.org/rfc/rfc8037)) whose header is exactly \`{"alg":"EdDSA","typ":"<kind>"}\`.
Times are milliseconds since 1970, UTC.

${Object.entries(protocol.signedPayloads)
  .map(([kind, schema]) => `### ${kind}\n\n${prose(partComments.get(kind) ?? '')}\n\n${fields(schema)}`)
  .join('\n\n')}
`
}

/** Every limit with its value and its reason. */
export function limitsTable(): string {
  const comments = commentsIn('shared/protocol/limits.ts')
  const order = [...comments.keys()]
  return table(
    ['limit', 'value', 'reason'],
    Object.entries(limits)
      // In the order of the source: that of a module's exports is not the same under every loader.
      .toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b))
      .map(([name, value]) => [`\`${name}\``, value.toLocaleString('en'), comments.get(name) ?? '']),
  )
}

function catalogue(messages: protocol.Catalogue, constant: string): string {
  return Object.entries(messages)
    .map(([event, { request, reply }]) => {
      const says = prose(messageComments.get(`${constant}.${event}`) ?? '')
      return `### ${event}\n\n${says}\n\n${fields(request)}\n\n${answer(reply)}`
    })
    .join('\n\n')
}

function answer(reply: protocol.MessageSchema['reply']): string {
  return readFields(reply).length === 0 ? 'Answered without fields.' : `Answered with\n\n${fields(reply)}`
}

function fields(schema: protocol.MessageSchema['request']): string {
  const all = readFields(schema, new Set(['study', 'metrics']))
  if (all.length === 0) return 'No fields.'
  const isSaid = all.some(({ says }) => says !== '')
  const rows = all.map(({ path, takes, fallback, says }) => [
    `\`${path}\``,
    `${takes}${fallback === 'absent' ? ', may be left out' : ''}`,
    ...(isSaid ? [prose(says)] : []),
  ])
  return table(['field', 'takes', ...(isSaid ? ['meaning'] : [])], rows)
}
