/** @file Which commands build the addon: one compilation a source file, then one link. */
import { basename, join } from 'node:path'
import { ADDON_FILE, INCLUDE_FOLDER, LIBRARY_FOLDER, PACKAGE_FOLDER } from '../folder.ts'
import type { Compiler } from './compiler.ts'
import type { Target } from './target.ts'

export interface Command {
  readonly command: string
  readonly args: readonly string[]
  /** What a person calls it. */
  readonly title: string
}

export interface BuildPlan {
  readonly compile: readonly Command[]
  readonly link: Command
}

export interface BuildInputs {
  readonly target: Target
  readonly compiler: Compiler
  /** The engine's folder while it is built: has `lib/`, `include/`, `package/`, and gets the addon. */
  readonly folder: string
  /** Folder for object files. */
  readonly objects: string
  /** Folder of `node_api.h`. */
  readonly nodeApi: string
  /** C++ files: those of the npm package and ours. */
  readonly sources: readonly string[]
}

/**
 * Flags of every compilation. The last two are how TensorFlow itself was compiled: without them its templates would
 * lay out memory differently on the two sides.
 */
export function compileFlags(target: Target): string[] {
  return [
    '-O3',
    '-std=c++17',
    ...target.compile,
    '-DNAPI_VERSION=8',
    '-DNDEBUG',
    '-DEIGEN_MAX_ALIGN_BYTES=64',
  ]
}

/** The commands that build the addon; the compilations can run at the same time. */
export function planBuild({ target, compiler, folder, objects, nodeApi, sources }: BuildInputs): BuildPlan {
  const { command } = compiler
  const flags = compileFlags(target)
  // -isystem: warnings about TensorFlow's own headers are not ours to act on.
  const include = [
    '-I',
    join(folder, PACKAGE_FOLDER),
    '-isystem',
    nodeApi,
    '-isystem',
    join(folder, INCLUDE_FOLDER),
  ]
  const built = sources.map((source, i) => ({ source, object: join(objects, `${i}-${basename(source)}.o`) }))
  return {
    compile: built.map(({ source, object }) => ({
      command,
      args: [...flags, ...include, '-c', source, '-o', object],
      title: basename(source),
    })),
    link: {
      command,
      args: [
        ...built.map(({ object }) => object),
        '-o',
        join(folder, ADDON_FILE),
        ...target.link(join(folder, LIBRARY_FOLDER)),
      ],
      title: ADDON_FILE,
    },
  }
}
