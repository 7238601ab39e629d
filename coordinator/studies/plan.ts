/** @file A study's plan: everything its rounds hang on, signed once, when the study is created. Sites pin it and refuse any other. */
import { PROTOCOL_VERSION } from '@tessera/shared/protocol'
import { type KeyPair, signPayload } from '@tessera/shared/security'
import type { StudyCreated } from '../events.ts'

/** A study with its plan, as JWS. */
export type PlannedStudy = StudyCreated & { readonly plan: string }

/** Signs the plan. Signatures have no chance in them: the same study under the same key gives the same text. */
export function signPlan(
  { study, layoutHash, student, atMs }: Omit<StudyCreated, 'type' | 'plan'>,
  key: KeyPair,
): Promise<string> {
  const plan = { protocol: PROTOCOL_VERSION, study, layoutHash, student, createdAtMs: atMs }
  return signPayload('plan', plan, key.privateKey)
}

/** Gives a study that was created before there were plans one of the present key. */
export async function planned(created: StudyCreated, key: KeyPair): Promise<PlannedStudy> {
  return { ...created, plan: created.plan ?? (await signPlan(created, key)) }
}
