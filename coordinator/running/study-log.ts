/** @file Where a study's rounds stand: an event is in the store before it is believed, and has had its effect before the next is decided. */
import { type Command, decide, evolve, type RoundEvent, type RoundsState } from '../rounds/index.ts'

export interface StudyLog {
  state(): RoundsState
  /** Decides on a command, and logs what follows; gives how many events did. Only within `deciding`. */
  take(command: Command): Promise<number>
  /** Takes in an event that somebody else has logged. */
  believe(event: RoundEvent): void
}

export interface StudyLogOptions {
  /** Writes an event; gives its number. */
  readonly append: (event: RoundEvent) => Promise<number>
  /** Of an event of the study's own, once it is believed. @param number Of the event in the store. */
  readonly react: (event: RoundEvent, number: number) => Promise<void>
}

/** Begins at the state that the store's events gave. */
export function createStudyLog(replayed: RoundsState, { append, react }: StudyLogOptions): StudyLog {
  let state = replayed
  const record = async (event: RoundEvent): Promise<void> => {
    const next = evolve(state, event) // an event that cannot follow is refused before it is written
    const number = await append(event)
    state = next
    await react(event, number)
  }
  return {
    state: () => state,
    async take(command) {
      const events = decide(state, command)
      for (const event of events) await record(event)
      return events.length
    },
    believe(event) {
      state = evolve(state, event)
    },
  }
}
