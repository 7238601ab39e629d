/** @file What the page reads over HTTP: pasts that are too long for the live view, and the form's schema. */
import { TesseraError } from '@tessera/shared/errors'
import { study as studySchema } from '@tessera/shared/protocol'
import type { WebApp } from '@tessera/shared/web'
import { z } from 'zod'
import type { StudyRun } from '../running/index.ts'
import type { Memory, StudyMemory } from './memory.ts'
import type { SigningIn } from './signing-in.ts'

/** Mounts the reads below `base`. */
export function addReading(
  app: WebApp,
  base: string,
  { signing, memory, runs }: { signing: SigningIn; memory: Memory; runs: () => readonly StudyRun[] },
): void {
  const remembered = (id: string): StudyMemory => {
    const study = memory.study(id)
    if (study === undefined) throw new TesseraError('ERR_STUDY_UNKNOWN', 'study must exist, got another')
    return study
  }
  app.get(`${base}study-schema`, (c) => {
    signing.reader(c)
    // As a person writes it: what has a default may be left out.
    return c.json(z.toJSONSchema(studySchema, { io: 'input' }))
  })
  app.get(`${base}studies/:study`, (c) => {
    signing.reader(c)
    const run = runs().find(({ study }) => study.id === c.req.param('study'))
    if (run === undefined) throw new TesseraError('ERR_STUDY_UNKNOWN', 'study must exist, got another')
    return c.json(run.study)
  })
  app.get(`${base}studies/:study/history`, (c) => {
    signing.reader(c)
    return c.json(remembered(c.req.param('study')).past.history())
  })
  app.get(`${base}studies/:study/history/:site`, (c) => {
    signing.reader(c)
    return c.json(remembered(c.req.param('study')).past.site(c.req.param('site')))
  })
  app.get(`${base}studies/:study/judging`, (c) => {
    signing.reader(c)
    return c.json(remembered(c.req.param('study')).judged.report())
  })
}
