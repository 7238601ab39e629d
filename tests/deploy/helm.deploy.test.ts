import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { command } from './container.ts'
import { SCHEMA_LOCATION, type Swagger, writeSchemas } from './kubernetes-schemas.ts'

const folder = (name: string): string => fileURLToPath(new URL(`../../deploy/helm/${name}`, import.meta.url))
let [helm, kubeconform] = ['', '']
let schemas = ''

/** Helm refuses charts for a Kubernetes that it takes to be older than it is when it was built by `go install`. */
const KUBERNETES = ['--kube-version', '1.33.0']
const set = (...values: string[]): string[] => values.flatMap((value) => ['--set', value])
const URL_OF_IT = set('coordinator.url=https://fl.example.org/tessera')
const SITE = 'simulatedSites.sites[0]'
/** Everything that can be switched on. */
const ALL = [
  ...URL_OF_IT,
  ...set('ingress.enabled=true,ingress.className=nginx,ingress.tlsSecretName=tls'),
  ...set('coordinator.database.secretName=database,coordinator.storage.storageClassName=fast'),
  ...set('coordinator.backupClaim=backups,coordinator.environmentSecret=tokens'),
  ...set('networkPolicy.out[0].ports[0].port=443,networkPolicy.out[0].to[0].ipBlock.cidr=192.0.2.7/32'),
  ...set('simulatedSites.enabled=true,simulatedSites.study=small'),
  ...set(`${SITE}.name=north,${SITE}.kitSecret=kit,${SITE}.tilesClaim=tiles`),
]

beforeAll(async () => {
  const tools = command(folder('tools.sh'))
  helm = join(tools, 'helm')
  kubeconform = join(tools, 'kubeconform')
  schemas = await mkdtemp(join(tmpdir(), 'tessera-schemas-'))
  await writeSchemas(JSON.parse(await readFile(join(tools, 'swagger.json'), 'utf8')) as Swagger, schemas)
}, 900_000)
afterAll(() => rm(schemas, { recursive: true, force: true }))

const rendered = (...flags: string[]): string =>
  command(helm, 'template', 'try', folder('tessera'), ...KUBERNETES, ...flags)

/** What kubeconform says of these resources. */
async function conforming(
  resources: string,
): Promise<{ valid: number; invalid: number; errors: number; skipped: number }> {
  const file = join(await temporaryFolder(), 'resources.yaml')
  await writeFile(file, resources)
  // Ends with an error where one is invalid; what it found is in its answer.
  const flags = [
    '-strict',
    '-summary',
    '-output',
    'json',
    '-schema-location',
    join(schemas, SCHEMA_LOCATION),
    file,
  ]
  const { summary } = JSON.parse(command('sh', '-c', '"$@" || true', 'sh', kubeconform, ...flags)) as {
    summary: { valid: number; invalid: number; errors: number; skipped: number }
  }
  return summary
}

interface Resource {
  readonly kind: string
  readonly spec: { readonly template?: { readonly spec: Pod }; readonly egress?: readonly unknown[] }
}
interface Pod {
  readonly automountServiceAccountToken: boolean
  readonly securityContext: unknown
  readonly containers: readonly Contained[]
  readonly initContainers: readonly Contained[]
}
interface Contained {
  readonly securityContext: unknown
  readonly args: readonly string[]
  readonly env?: readonly unknown[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly startupProbe?: unknown
  readonly livenessProbe?: unknown
  readonly readinessProbe?: unknown
}
const resources = (text: string): Resource[] => parseAllDocuments(text).map((one) => one.toJS() as Resource)

describe('the chart', () => {
  test('makes resources that conform to Kubernetes, at the least and with everything on', async () => {
    expect(await conforming(rendered(...URL_OF_IT))).toEqual({ valid: 3, invalid: 0, errors: 0, skipped: 0 })
    expect(await conforming(rendered(...ALL))).toEqual({ valid: 6, invalid: 0, errors: 0, skipped: 0 })
  })

  test('would be found out with a field that Kubernetes does not know, or a text for a number', async () => {
    const text = rendered(...URL_OF_IT)
    expect(await conforming(text.replace('replicas: 1', 'replica: 1'))).toMatchObject({ invalid: 1 })
    expect(await conforming(text.replace('replicas: 1', 'replicas: one'))).toMatchObject({ invalid: 1 })
  })

  test('passes its own linter, and wants the address that sites use', () => {
    expect(() => command(helm, 'lint', '--strict', folder('tessera'), ...URL_OF_IT)).not.toThrow()
    expect(() => rendered()).toThrow()
  })

  test('keeps each pod to the restricted security standard', () => {
    const pods = resources(rendered(...ALL)).flatMap(({ spec }) => spec.template?.spec ?? [])
    expect(pods).toHaveLength(2)
    for (const pod of pods) {
      expect(pod.automountServiceAccountToken).toBe(false)
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      })
      for (const { securityContext } of [...pod.containers, ...pod.initContainers])
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
    }
  })

  test('asks the coordinator whether it lives, and before sites are sent to it whether it is ready', () => {
    const pod = resources(rendered(...URL_OF_IT)).find(({ kind }) => kind === 'StatefulSet')?.spec.template
      ?.spec
    const ask = (path: string): object => ({ httpGet: { path, port: 'http' } })
    expect(pod?.containers[0]).toMatchObject({
      ports: [{ name: 'http' }],
      startupProbe: ask('/healthz'),
      livenessProbe: ask('/healthz'),
      readinessProbe: ask('/readyz'),
    })
  })

  test('lets the coordinator out to nobody but its database and whom the values name', () => {
    const out = (...flags: string[]): readonly unknown[] | undefined =>
      resources(rendered(...URL_OF_IT, ...flags)).find(({ kind }) => kind === 'NetworkPolicy')?.spec.egress
    const ports = (...numbers: number[]): object => ({ ports: numbers.map((port) => ({ port })) })
    expect(out()).toEqual([])
    expect(out(...set('coordinator.database.secretName=database'))).toMatchObject([
      ports(53, 53),
      ports(5432),
    ])
    const provider = { ports: [{ port: 443 }], to: [{ ipBlock: { cidr: '192.0.2.7/32' } }] }
    const flags = [
      'networkPolicy.out[0].ports[0].port=443',
      'networkPolicy.out[0].to[0].ipBlock.cidr=192.0.2.7/32',
    ]
    expect(out(...set(...flags))).toMatchObject([ports(53, 53), provider])
  })

  test('takes the password of the database from a Secret, and from nowhere else', () => {
    const pod = resources(rendered(...ALL)).find(({ kind }) => kind === 'StatefulSet')?.spec.template?.spec
    expect(pod?.containers[0]?.env).toEqual([
      { name: 'TESSERA_STORE', valueFrom: { secretKeyRef: { name: 'database', key: 'url' } } },
    ])
  })
})
