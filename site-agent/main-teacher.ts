/** @file The verbs of whoever makes a teacher: `tessera teacher …`. They need tiles and an engine, and no coordinator. */
import type { Command } from 'commander'
import { example } from './commands/command.ts'
import { addTeacherTrain } from './commands/teacher-train.ts'

/** Adds the group `teacher` to the program. */
export function addTeacherCommands(program: Command): void {
  const group = program.command('teacher').description('train the teacher that a study hands out')
  addTeacherTrain(group)
  example(
    group,
    '$ tessera teacher train tiles.csv --classes benign,tumour --size 96 --out teacher.safetensors',
  )
}
