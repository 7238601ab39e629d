/** @file Which pages are this coordinator's own, by its settings. */
import type { OwnPages } from '@tessera/shared/web'
import type { CoordinatorConfig } from '../config.ts'

/** The names in the settings are at the port of `url`, or at that of their scheme. */
export function ownPagesOf({
  url,
  dashboard,
  tls,
  proxy,
}: Pick<CoordinatorConfig, 'url' | 'dashboard' | 'tls' | 'proxy'>): OwnPages {
  const { hostname, host, port } = new URL(url)
  const others = dashboard?.names ?? []
  return {
    names: new Set([hostname, ...others]),
    hosts: new Set([host, ...others, ...(port === '' ? [] : others.map((name) => `${name}:${port}`))]),
    secure: tls !== undefined || proxy === true,
  }
}
