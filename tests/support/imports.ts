/** @file Reads which modules a source file imports, and says which of those its folder may not have. */

/** Specifiers of every static import, re-export and `import()` with a literal, type-only ones included. */
export function importedModules(source: string): string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')
  const pattern = /(?:\bfrom\s*|\bimport\s*\(\s*|^\s*import\s+)(['"])([^'"]+)\1/gm
  return [...code.matchAll(pattern)].map((match) => match[2] ?? '')
}

interface Rule {
  /** Files it binds, by their path from the project's root. */
  readonly files: RegExp
  /** Modules those files may not import: a specifier, or the path a relative one leads to. */
  readonly forbidden: RegExp
  readonly because: string
}

const EFFECTS =
  /^(node:(fs|net|http|https|child_process|worker_threads|os)(\/.*)?|socket\.io(-client)?|sharp|onnxruntime-node)$/

/** design: shared ← coordinator, shared ← site-agent, simulations may import all three; pure folders have no effects. */
export const RULES: readonly Rule[] = [
  {
    files: /^shared\//,
    forbidden:
      /^(@tessera\/(dashboard|coordinator|site-agent|simulations)|dashboard\/|coordinator\/|site-agent\/|simulations\/|cli\/)/,
    because: 'shared stands under all',
  },
  {
    files: /^dashboard\//,
    forbidden:
      /^(@tessera\/(coordinator|site-agent|simulations)|coordinator\/|site-agent\/|simulations\/|cli\/)/,
    because: 'dashboard knows shared only',
  },
  {
    files: /^dashboard\/(components|live|text|coordinator|site)\//,
    forbidden: /^(node:.*|vite$|dashboard\/built\.ts$|@tessera\/shared\/(?!dashboard\/|metrics$))/,
    because: 'a page runs in a browser',
  },
  {
    files: /^(coordinator|site-agent|simulations|cli)\//,
    forbidden: /^(@tessera\/dashboard\/(?!built$)|dashboard\/)/,
    because: 'a program serves built pages and knows nothing of their insides',
  },
  {
    files: /^coordinator\//,
    forbidden: /^(@tessera\/(site-agent|simulations)|site-agent\/|simulations\/|cli\/)/,
    because: 'coordinator knows shared only',
  },
  {
    files: /^coordinator\//,
    forbidden: /^(@tensorflow\/|@tessera\/shared\/(engine|model\/network)|sharp$)/,
    because: 'the coordinator has no TensorFlow and reads no image',
  },
  {
    files: /^site-agent\//,
    forbidden: /^(@tessera\/(coordinator|simulations)|coordinator\/|simulations\/|cli\/)/,
    because: 'site-agent knows shared only',
  },
  {
    files: /^(shared|coordinator|simulations|cli|site-agent\/(?!teacher\/))/,
    forbidden: /^onnxruntime-node$/,
    because: 'only site-agent/teacher runs foreign models',
  },
  { files: /^site-agent\/(?!data\/)/, forbidden: /^sharp$/, because: 'only site-agent/data reads images' },
  {
    files: /^simulations\//,
    forbidden: /^(tessera$|cli\/)/,
    because: 'the program starts simulations, not the other way round',
  },
  {
    files: /^(coordinator\/(rounds|aggregation)|site-agent\/distill|shared\/(delta|protocol))\//,
    forbidden: EFFECTS,
    because: 'a pure folder has no effects',
  },
  { files: /./, forbidden: /^tests\//, because: 'nothing imports the tests' },
]

/** One line a forbidden import of `file`; empty when all are allowed. */
export function forbiddenImports(file: string, source: string): string[] {
  const base = new URL(file, 'file:///')
  return importedModules(source).flatMap((specifier) => {
    const target = specifier.startsWith('.') ? new URL(specifier, base).pathname.slice(1) : specifier
    return RULES.filter((rule) => rule.files.test(file) && rule.forbidden.test(target)).map(
      (rule) => `${file} imports ${specifier}: ${rule.because}`,
    )
  })
}
