/** @file What has changed from one view to the next: rows that read otherwise, and rows that are gone. */
import type { CoordinatorView, RowChanges, ViewChange } from '@tessera/shared/dashboard/coordinator-view'

/** Gives the change that makes `next` of `view`, by {@link import('@tessera/shared/dashboard/coordinator-view').applyChange}; null when there is none. */
export function differences(view: CoordinatorView, next: Omit<CoordinatorView, 'number'>): ViewChange | null {
  const changes = {
    ...(isSame(view.coordinator, next.coordinator) ? {} : { coordinator: next.coordinator }),
    ...named('studies', rowChanges(view.studies, next.studies)),
    ...named('sites', rowChanges(view.sites, next.sites)),
    ...named('members', rowChanges(view.members, next.members)),
  }
  return Object.keys(changes).length === 0 ? null : { number: view.number + 1, ...changes }
}

function rowChanges<Row>(
  before: Readonly<Record<string, Row>>,
  after: Readonly<Record<string, Row>>,
): RowChanges<Row> | null {
  const set = Object.entries(after).filter(([key, row]) => !isSame(before[key], row))
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key))
  if (set.length === 0 && gone.length === 0) return null
  return {
    ...(set.length > 0 && { set: Object.fromEntries(set) }),
    ...(gone.length > 0 && { gone }),
  }
}

/** Rows are made anew each time, with their fields in one order: as texts they are the same or not. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function named<Row>(name: string, changes: RowChanges<Row> | null): Record<string, RowChanges<Row>> {
  return changes === null ? {} : { [name]: changes }
}
