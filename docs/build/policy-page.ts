/** @file The page of policy.yaml, with what enrolment writes into it. */
import { fingerprint } from '@tessera/shared/security'
import { parsePolicy } from '../../site-agent/policy/policy.ts'
import { policyText } from '../../site-agent/policy/policy-text.ts'
import { prose, table } from './markdown.ts'
import { policy, readFields } from './sources.ts'

/** As enrolment writes it, but for what it takes from the kit or the machine. */
const written = parsePolicy(
  policyText({ site: 'site', coordinator: fingerprint('A'.repeat(43)), timeZone: 'UTC' }),
)
const OF_THE_SITE: Readonly<Record<string, string>> = {
  site: "the kit's",
  coordinators: "the kit's",
  timeZone: "this machine's",
}

export function policyPage(): string {
  const rows = readFields(policy).map(({ path, takes, says }) => [
    `\`${path}\``,
    takes,
    OF_THE_SITE[path] ?? value(path),
    prose(says),
  ])
  return `# policy.yaml

What a site lets out, and when: written by \`tessera site enroll\` into the site's folder with a comment on each rule, in force once signed ([site.md](../site.md)).
All of them must be there, but for \`judging\`; without that line nothing of judgements leaves.

${table(['field', 'takes', 'as enrolment writes it', 'meaning'], rows)}
`
}

function value(path: string): string {
  const at = path
    .split('.')
    .reduce<unknown>((outer, key) => (outer as Record<string, unknown> | undefined)?.[key], written)
  return typeof at === 'string' || typeof at === 'number' || typeof at === 'boolean' ? `\`${at}\`` : ''
}
