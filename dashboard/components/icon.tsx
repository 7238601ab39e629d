/** @file Pictures of 16 by 16, drawn in the colour of their text. They only repeat what words say, and are hidden from screen readers. */
import type { JSX } from 'preact'

const PATHS = {
  check: 'M3 8.5 6.5 12 13 4.5',
  alert: 'M8 2 1.8 13.2h12.4zM8 6.4v3.2M8 11.6v.1',
  stop: 'M5.2 1.8h5.6l3.4 3.4v5.6l-3.4 3.4H5.2l-3.4-3.4V5.2zM8 5v3.6M8 10.9v.1',
  info: 'M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4zM8 7.4v3.4M8 5.1v.1',
  clock: 'M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4zM8 4.6V8l2.2 1.6',
  work: 'M13.6 8A5.6 5.6 0 1 1 10 2.8M10 2.8V6M10 2.8H6.8',
  pause: 'M5.4 3.4v9.2M10.6 3.4v9.2',
  play: 'M4.8 3v10l8-5z',
  idle: 'M4 8h8',
  cross: 'M4 4l8 8M12 4l-8 8',
  up: 'M8 13V3.4M3.8 7.4 8 3.2l4.2 4.2',
  download: 'M8 2.4v7.4M4.6 6.6 8 10l3.4-3.4M2.6 13.2h10.8',
  overview: 'M2.4 2.4h4.6v4.6H2.4zM9 2.4h4.6v4.6H9zM2.4 9h4.6v4.6H2.4zM9 9h4.6v4.6H9z',
  study: 'M2.4 13.4V2.6M2.4 13.4h11.2M4.8 10.6l2.6-3.4 2.2 1.8 3.4-5',
  sites: 'M2.6 13.6V5.4L8 2.4l5.4 3v8.2zM6.2 13.6v-3.2h3.6v3.2M5.6 7.2v.1M8 7.2v.1M10.4 7.2v.1',
  plus: 'M8 3v10M3 8h10',
  ledger: 'M3.4 2.4h9.2v11.2H3.4zM5.8 5.4h4.4M5.8 8h4.4M5.8 10.6h2.6',
  cut: 'M2 5.6a9 9 0 0 1 3-1.8M8 3.2a9 9 0 0 1 6 2.4M4.2 8.4a6 6 0 0 1 2-1.2M9.4 7a6 6 0 0 1 2.4 1.4M8 12.4v.1M2.4 1.8l11.2 12.4',
  star: 'M8 2.2l1.8 3.7 4 .5-2.9 2.8.7 4L8 11.3l-3.6 1.9.7-4L2.2 6.4l4-.5z',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1.4v1.4M8 13.2v1.4M1.4 8h1.4M13.2 8h1.4M3.3 3.3l1 1M11.7 11.7l1 1M3.3 12.7l1-1M11.7 4.3l1-1',
  moon: 'M13.4 9.4A5.8 5.8 0 0 1 6.6 2.6a5.8 5.8 0 1 0 6.8 6.8z',
  auto: 'M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4zM8 2v12M10.4 2.6v10.8M12.6 4.2v7.6',
  leave: 'M6.4 2.6H3v10.8h3.4M7 8h6.4M10.8 5.2 13.6 8l-2.8 2.8',
} as const
export type IconName = keyof typeof PATHS

export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg
      class="icon"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  )
}
