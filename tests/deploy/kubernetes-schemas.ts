/**
 * @file JSON Schemas for kubeconform out of Kubernetes' own description of its resources (Swagger 2.0): one file a kind, with all that it refers to. No
 * unknown field is let through. The schemas that kubeconform would download are made from the same description in this way.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }
interface Kind {
  readonly group: string
  readonly version: string
  readonly kind: string
}
interface Definition {
  readonly [name: string]: Json | readonly Kind[]
}
export interface Swagger {
  readonly definitions: Readonly<Record<string, Definition>>
}

/** Where kubeconform finds them in their folder: `statefulset-apps-v1.json`. */
export const SCHEMA_LOCATION = '{{.ResourceKind}}{{.KindSuffix}}.json'

/** Both are a number or a text in YAML; Swagger 2.0 can say only one type. */
const NUMBER_OR_TEXT = [
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  'io.k8s.apimachinery.pkg.api.resource.Quantity',
]

/** Writes the schema of every kind that can stand in a file. */
export async function writeSchemas({ definitions }: Swagger, folder: string): Promise<void> {
  const strict: Record<string, Json> = {}
  for (const [name, definition] of Object.entries(definitions)) {
    const { 'x-kubernetes-group-version-kind': _, ...schema } = definition
    strict[name] = NUMBER_OR_TEXT.includes(name)
      ? { type: ['string', 'number'] }
      : {
          ...(schema as Record<string, Json>),
          ...(schema['properties'] ? { additionalProperties: false } : {}),
        }
  }
  for (const [name, definition] of Object.entries(definitions)) {
    const kinds = definition['x-kubernetes-group-version-kind'] as readonly Kind[] | undefined
    const [only] = kinds ?? []
    if (only === undefined || kinds?.length !== 1) continue
    const needed = Object.fromEntries(reachable(name, strict).map((one) => [one, strict[one] ?? {}]))
    const suffix = [only.group.split('.')[0], only.version].filter((part) => part !== '').join('-')
    await writeFile(
      join(folder, `${only.kind.toLowerCase()}-${suffix}.json`),
      JSON.stringify({ $ref: `#/definitions/${name}`, definitions: needed }),
    )
  }
}

/** Names of a definition and of all that it refers to. */
function reachable(
  name: string,
  definitions: Readonly<Record<string, Json>>,
  seen = new Set<string>(),
): string[] {
  if (seen.has(name)) return []
  seen.add(name)
  for (const [, next = ''] of JSON.stringify(definitions[name] ?? {}).matchAll(/"#\/definitions\/([^"]+)"/g))
    reachable(next, definitions, seen)
  return [...seen]
}
