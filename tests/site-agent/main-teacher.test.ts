import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '@tessera/shared/security'
import { addTeacherCommands } from '@tessera/site-agent/main-teacher'
import { Command } from 'commander'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { noiseFolder } from '../support/tile-files.ts'

/** Runs a command line; gives both outputs. @param onSaid Hears each piece of standard error. */
async function tessera(
  line: string,
  onSaid: (text: string) => void = () => undefined,
): Promise<{ printed: string; said: string; failure: unknown }> {
  let [printed, said] = ['', '']
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += String(text)
      return true
    }),
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      said += String(text)
      onSaid(String(text))
      return true
    }),
  ]
  const restore = (): void => spies.forEach((spy) => spy.mockRestore())
  onTestFinished(restore)
  const program = new Command('tessera').exitOverride()
  addTeacherCommands(program)
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)]
  for (const command of all(program)) command.exitOverride().configureOutput({ writeErr: () => undefined })
  const failure: unknown = await program.parseAsync(line.split(' '), { from: 'user' }).then(
    () => null,
    (thrown: unknown) => thrown,
  )
  restore()
  return { printed, said, failure }
}

async function aLine(): Promise<{ line: string; out: string }> {
  const dir = await noiseFolder({ benign: 5, tumour: 5 }, 32)
  const out = join(await temporaryFolder(), 'teacher.safetensors')
  const small =
    '--size 32 --width 0.1 --depth 0.1 --epochs 2 --batch 4 --lr 0.01 --engine wasm --split-by tile --split 4/1/0'
  return { line: `teacher train ${dir} --classes benign,tumour ${small} --out ${out}`, out }
}

describe('tessera teacher train', () => {
  test('says what it divides and how each epoch went, and prints the hash that a study names', async () => {
    const { line, out } = await aLine()
    const { printed, said, failure } = await tessera(line)
    expect(failure).toBeNull()
    expect(said).toContain('8 to train on, 2 to choose by')
    expect(said).toMatch(/epoch 1: loss \d+\.\d{3}, validation accuracy \d+\.\d %, the best so far\n/)
    expect(printed).toMatch(/best +[12] .*teacher\.safetensors\nlast +2 .*teacher\.last\.safetensors\n/)
    expect(printed).toContain(`teacher.sha256 of a study: ${sha256Hex(await readFile(out))}\n`)
  })

  test('takes the engine that the environment names when the command line names none', async () => {
    const { line } = await aLine()
    vi.stubEnv('TESSERA_ENGINE', 'abacus')
    onTestFinished(() => void vi.unstubAllEnvs())
    const { failure } = await tessera(line.replace(' --engine wasm', ''))
    expect(failure).toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: 'TESSERA_ENGINE must be auto, wasm, tensorflow, cpu, got abacus',
    })
  })

  test('Ctrl-C ends it with a sentence, and the same command goes on', async () => {
    const { line } = await aLine()
    const stopped = await tessera(line, (text) => {
      if (text.startsWith('epoch 1:')) process.emit('SIGINT')
    })
    expect(stopped.failure).toMatchObject({
      code: 'ERR_INTERRUPTED',
      message:
        'training must run to its last epoch, got a stop after 1 of 2: the same command goes on from there',
    })
    const again = await tessera(line)
    expect(again.failure).toBeNull()
    expect(again.said).toContain('goes on after epoch 1\n')
    expect(again.said).not.toContain('epoch 1:')
  })

  test('an option that is no number is refused', async () => {
    const { line } = await aLine()
    const { failure } = await tessera(`${line} --lr fast`)
    expect(failure).toMatchObject({ code: 'commander.invalidArgument' })
  })
})
