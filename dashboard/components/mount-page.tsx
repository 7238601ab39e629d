/** @file Puts a page into the document. */
import { type ComponentChildren, render } from 'preact'
import { SignedPage, type SignedPageProps } from './signed-page.tsx'

/** Draws it where the document has its place. @param inside What they see who are signed in. */
export function mountPage<Live extends { close(): void }, Session>(
  page: Omit<SignedPageProps<Live, Session>, 'children'>,
  inside: ComponentChildren,
): void {
  const root = document.getElementById('page')
  if (root !== null) render(<SignedPage {...page}>{inside}</SignedPage>, root)
}
