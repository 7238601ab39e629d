/** @file The page's own files. */
import { TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import { readStaticFiles, serveStatic, type WebApp } from '@tessera/shared/web'

/** Mounts them below `base`, without a session: what it shows comes from elsewhere. Made when it is first asked for, since that can take a while in a checkout. */
export function addPage(app: WebApp, base: string, page: () => Promise<string>, log: Log): void {
  let serving: Promise<ReturnType<typeof serveStatic>> | null = null
  const read = async (): Promise<ReturnType<typeof serveStatic>> =>
    serveStatic(await readStaticFiles(await page()), base)
  app.get(`${base}*`, async (c, next) => {
    serving ??= read()
    try {
      return await (await serving)(c, next)
    } catch (thrown) {
      serving = null
      if (thrown instanceof TesseraError)
        log.warn('dashboard.missing', { code: thrown.code, reason: thrown.message })
      throw thrown
    }
  })
}
