/** @file Which commands build the engine: one compilation a source file, then a link for each of the three addons. */
import { basename, join } from 'node:path'
import {
  ADDON_FILE,
  BINDING_FILE,
  INCLUDE_FOLDER,
  LIBRARY_FOLDER,
  PACKAGE_FOLDER,
  PROBE_FILE,
  QUIET_FILE,
} from '../folder.ts'
import type { Compiler } from './compiler.ts'
import type { Target } from './target.ts'

export interface Command {
  readonly command: string
  readonly args: readonly string[]
  /** What a person calls it. */
  readonly title: string
}

export interface BuildPlan {
  /** Can run at the same time. */
  readonly compile: readonly Command[]
  /** One after the other, when all is compiled. */
  readonly link: readonly Command[]
}

export interface BuildInputs {
  readonly target: Target
  readonly compiler: Compiler
  /** The engine's folder while it is built: has `lib/` and `include/`, and gets what is built. */
  readonly folder: string
  /** Folder for what is only needed meanwhile. */
  readonly objects: string
  /** Folder of `node_api.h`. */
  readonly nodeApi: string
  readonly sources: BuildSources
}

/** C++ files. */
export interface BuildSources {
  /** Of TensorFlow.js' addon, out of the npm package. */
  readonly binding: readonly string[]
  /** Of our addon. */
  readonly native: readonly string[]
  /** Of the addon that loads the library quietly. */
  readonly quiet: string
  /** The probe, a program of one file. */
  readonly probe: string
}

/**
 * Flags of every compilation. The last two are how TensorFlow itself was compiled: without them its templates would
 * lay out memory differently on the two sides.
 */
export function compileFlags(target: Target): string[] {
  return [
    '-O3',
    '-std=c++17',
    target.machine,
    '-fPIC',
    '-DNAPI_VERSION=8',
    '-DNDEBUG',
    '-DEIGEN_MAX_ALIGN_BYTES=64',
  ]
}

/** The commands that build both addons and the probe. */
export function planBuild(inputs: BuildInputs): BuildPlan {
  const { target, compiler, folder, objects, sources } = inputs
  const { command } = compiler
  const binding = objectsOf(inputs, 'binding', sources.binding)
  const native = objectsOf(inputs, 'native', sources.native)
  const quiet = objectsOf(inputs, 'quiet', [sources.quiet])
  const stubs = join(objects, 'stubs')
  const addon = (name: string, compiled: readonly Compiled[]): Command => ({
    command,
    args: [
      ...compiled.map(({ object }) => object),
      '-o',
      join(folder, name),
      ...target.link({ lib: join(folder, LIBRARY_FOLDER), stubs }),
    ],
    title: name,
  })
  return {
    compile: [...[...binding, ...native, ...quiet].map((compiled) => compiled.command), probeCommand(inputs)],
    link: [
      ...target.stubs(stubs).map(({ args, title }): Command => ({ command, args, title })),
      addon(BINDING_FILE, binding),
      addon(ADDON_FILE, native),
      {
        command,
        args: [...quiet.map(({ object }) => object), '-o', join(folder, QUIET_FILE), ...target.linkAlone],
        title: QUIET_FILE,
      },
    ],
  }
}

/** The command that builds the probe, a program of one file. */
export function probeCommand({
  target,
  compiler,
  folder,
  sources,
}: Pick<BuildInputs, 'target' | 'compiler' | 'folder'> & {
  readonly sources: Pick<BuildSources, 'probe'>
}): Command {
  // Contraction makes a multiply-add of a product and a sum: one compiler does so by itself, another does not.
  const flags = ['-O3', '-std=c++17', target.machine, '-ffp-contract=fast', '-pthread']
  return {
    command: compiler.command,
    args: [...flags, sources.probe, '-o', join(folder, PROBE_FILE)],
    title: basename(sources.probe),
  }
}

interface Compiled {
  readonly command: Command
  readonly object: string
}

function objectsOf(
  { target, compiler, folder, objects, nodeApi }: BuildInputs,
  group: string,
  sources: readonly string[],
): Compiled[] {
  // -isystem: warnings about headers of TensorFlow and Node are not ours to act on.
  const include = ['-isystem', nodeApi, '-isystem', join(folder, INCLUDE_FOLDER)]
  return sources.map((source) => {
    const object = join(objects, `${group}-${basename(source)}.o`)
    return {
      object,
      command: {
        command: compiler.command,
        args: [
          ...compileFlags(target),
          ...include,
          '-I',
          join(folder, PACKAGE_FOLDER),
          '-c',
          source,
          '-o',
          object,
        ],
        title: basename(source),
      },
    }
  })
}
