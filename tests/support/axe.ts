/** @file What axe-core finds wrong with a page as it stands, for somebody who does not see it, or uses no mouse. */
import axe from 'axe-core'
import type { Page } from 'playwright-core'

/** Gives one line a finding: the rule, and where. */
export async function axeFindings(page: Page): Promise<string[]> {
  // Evaluated, not added as a script: the page's own policy allows none.
  await page.evaluate(axe.source)
  return await page.evaluate(async () => {
    const run = (globalThis as unknown as { axe: typeof axe }).axe.run
    const { violations } = await run(document, { resultTypes: ['violations'] })
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${String(target)} ${failureSummary ?? ''}`),
    )
  })
}
