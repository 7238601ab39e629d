/** @file Text of the form that creates a study. */
import { plural } from '../../components/format.ts'

export const createViews = {
  newStudy: {
    title: 'New study',
    note: 'Everything has the default that the method’s paper or a measurement gives; change what you know better.',
    viewer: 'A viewer cannot create a study',
    basics: 'Basics',
    files: 'Files',
    filesNote: 'Hash, network flavour and an ONNX file’s inputs are read off them',
    teacher: 'Teacher',
    teacherHint: 'safetensors or ONNX; only for a study with a teacher',
    teacherFile: 'a study with a teacher needs the teacher’s file',
    onnx: 'What the ONNX file leaves open',
    onnxNote:
      'Most files say all of it themselves: leave empty what you do not know, and you are told what is missing.',
    onnxFile: 'the teacher’s file is ONNX: choose “any vision model, as an ONNX file”',
    notOnnxFile: 'an ONNX teacher needs a file whose name ends in .onnx',
    student: 'Student',
    studentHint: 'safetensors; only when the student starts from a file',
    faults: (count: number): string => `${plural(count, 'field')} must be mended:`,
    create: 'Create the study',
    save: 'Save as a file',
    fileName: (id: string): string => `${id || 'study'}.json`,
    question: (study: string): string => `Create ${study}?`,
    consequences: [
      'The plan is signed and shown to every site. It cannot be changed afterwards, only cancelled or cloned.',
      'The first round opens when enough sites are online.',
    ],
    done: (study: string): string => `${study} is created.`,
  },
} as const
