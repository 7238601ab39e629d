/** @file Which page stands where on the site, and how its headings are linked to. Tests hold that every page has a place and every link its heading. */

export interface Chapter {
  readonly title: string
  /** Pages by their paths from the project's root, in the order of reading. */
  readonly pages: readonly string[]
}

export const CHAPTERS: readonly Chapter[] = [
  {
    title: 'Start',
    pages: [
      'README.md',
      'docs/README.md',
      'docs/tutorials/newcomer.md',
      'docs/architecture.md',
      'docs/glossary.md',
      'docs/faq.md',
    ],
  },
  {
    title: 'Operator',
    pages: [
      'docs/tutorials/operator.md',
      'docs/dashboard.md',
      'docs/operations.md',
      'docs/deploy.md',
      'docs/sizing.md',
      'deploy/runbook.md',
      'docs/rounds.md',
      'docs/aggregation.md',
      'docs/judging.md',
      'docs/export.md',
      'docs/metrics.md',
      'docs/logs.md',
      'docs/federation-speed.md',
    ],
  },
  {
    title: 'Site IT',
    pages: [
      'docs/tutorials/site-it.md',
      'docs/site.md',
      'docs/data.md',
      'docs/slides.md',
      'docs/protocol.md',
      'docs/engine.md',
    ],
  },
  {
    title: 'Data owner',
    pages: [
      'docs/tutorials/data-owner.md',
      'docs/data-protection.md',
      'docs/threat-model.md',
      'docs/security.md',
      'docs/attacks.md',
    ],
  },
  {
    title: 'Researcher',
    pages: [
      'docs/tutorials/researcher.md',
      'docs/experiments.md',
      'docs/methods.md',
      'docs/models.md',
      'docs/fidelity.md',
      'docs/results.md',
      'simulations/bench/README.md',
    ],
  },
  {
    title: 'Contributor',
    pages: [
      'docs/tutorials/contributor.md',
      'CONTRIBUTING.md',
      'tests/parity/README.md',
      'docs/decisions/README.md',
      'CHANGELOG.md',
    ],
  },
  {
    title: 'Reference',
    pages: [
      'docs/reference/cli.md',
      'docs/reference/study.md',
      'docs/reference/experiment.md',
      'docs/reference/policy-yaml.md',
      'docs/reference/coordinator-json.md',
      'docs/reference/messages.md',
      'docs/reference/limits.md',
      'docs/reference/metrics.md',
      'docs/errors.md',
    ],
  },
]

/** Pages that are found from another: each decision from their list. */
export function isListedElsewhere(page: string): boolean {
  return /^docs\/decisions\/\d{4}-/.test(page)
}

/** What a link to a heading ends in, as GitHub makes it: the site goes by it, so that one link leads to the same place on both. */
export function headingId(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-')
}
