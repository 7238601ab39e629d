/** @file Exports a student and gives its files. */
import type { Exported, ExportRequest } from '@tessera/shared/dashboard/coordinator-api'
import type { StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { useId, useState } from 'preact/hooks'
import { formatBytes } from '../components/format.ts'
import { Icon } from '../components/icon.tsx'
import { Panel } from '../components/panel.tsx'
import type { Question } from '../components/question.ts'
import { text } from '../text/en.ts'
import { api } from './api.ts'
import { useDesk } from './desk.ts'

const FORMATS = ['safetensors', 'onnx', 'tfjs'] as const
type Format = (typeof FORMATS)[number]
/** Whose names a safetensors file's tensors have; the first is how the coordinator keeps them. */
const NAMINGS = ['torchvision', 'timm', 'efficientnet_pytorch'] as const
type Naming = (typeof NAMINGS)[number]

export function ExportPanel({ study }: { readonly study: StudyRow }): JSX.Element {
  const desk = useDesk()
  const [which, setWhich] = useState(study.best === null ? 'newest' : 'best')
  const [format, setFormat] = useState<Format>('safetensors')
  const [naming, setNaming] = useState<Naming>('torchvision')
  const [done, setDone] = useState<Exported | null>(null)
  const texts = text.exports
  const ask = (): void => {
    const request: ExportRequest = {
      format,
      ...(which === 'best' && { best: true }),
      ...(format === 'safetensors' && naming !== 'torchvision' && { naming }),
    }
    desk.ask(exportQuestion(study.study, request, setDone))
  }
  const students: [string, string][] = [['newest', texts.newest(study.published)]]
  if (study.best !== null) students.unshift(['best', texts.best(study.best.round)])
  return (
    <Panel title={texts.title} note={texts.note}>
      <div class="stack">
        <div class="export-form">
          <Choice label={texts.which} value={which} options={students} onChoose={setWhich} />
          <Choice
            label={texts.format}
            value={format}
            options={FORMATS.map((name) => [name, texts.formats[name]])}
            onChoose={setFormat}
          />
          {format === 'safetensors' && (
            <Choice
              label={texts.naming}
              value={naming}
              options={NAMINGS.map((name) => [name, name])}
              onChoose={setNaming}
            />
          )}
          <button type="button" class="button" onClick={ask}>
            <Icon name="download" />
            {texts.button}
          </button>
        </div>
        {done !== null && (
          <ul class="stack">
            {done.files.map(({ name, bytes }) => (
              <li key={name}>
                <a href={api.exportedFile(done.export, name)} download={name}>
                  {name}
                </a>{' '}
                <span class="faint">{formatBytes(bytes)}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </Panel>
  )
}

interface ChoiceProps<Value extends string> {
  readonly label: string
  readonly value: Value
  readonly options: readonly (readonly [value: Value, label: string])[]
  readonly onChoose: (value: Value) => void
}

function Choice<Value extends string>(props: ChoiceProps<Value>): JSX.Element {
  const { label, value, options, onChoose } = props
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        class="input"
        value={value}
        onChange={(event) => onChoose(event.currentTarget.value as Value)}
      >
        {options.map(([name, shown]) => (
          <option key={name} value={name}>
            {shown}
          </option>
        ))}
      </select>
    </div>
  )
}

function exportQuestion(
  study: string,
  request: ExportRequest,
  onDone: (exported: Exported) => void,
): Question {
  const texts = text.exports
  const { best, format = 'safetensors', naming } = request
  return {
    title: texts.question(study),
    consequences: texts.consequences,
    command: `tessera coordinator study export ${study}${best ? ' --best' : ''} --format ${format}${naming ? ` --naming ${naming}` : ''}`,
    confirm: texts.confirm,
    act: async () => onDone(await api.exportStudent(study, request)),
  }
}
