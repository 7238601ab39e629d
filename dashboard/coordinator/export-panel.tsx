/** @file Exports a student and gives its files. */
import type { Exported, ExportRequest } from '@tessera/shared/dashboard/coordinator-api'
import type { StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { useId, useState } from 'preact/hooks'
import type { Question } from '../components/confirm-dialog.tsx'
import { formatBytes } from '../components/format.ts'
import { Icon } from '../components/icon.tsx'
import { Panel } from '../components/panel.tsx'
import { text } from '../text/en.ts'
import { api } from './api.ts'
import { useDesk } from './desk.ts'

const FORMATS = ['safetensors', 'onnx', 'tfjs'] as const
type Format = (typeof FORMATS)[number]

export function ExportPanel({ study }: { readonly study: StudyRow }): JSX.Element {
  const desk = useDesk()
  const [which, setWhich] = useState(study.best === null ? 'newest' : 'best')
  const [format, setFormat] = useState<Format>('safetensors')
  const [done, setDone] = useState<Exported | null>(null)
  const [whichId, formatId] = [useId(), useId()]
  const texts = text.exports
  const ask = (): void => {
    const request: ExportRequest = { format, ...(which === 'best' && { best: true }) }
    desk.ask(exportQuestion(study.study, request, setDone))
  }
  return (
    <Panel title={texts.title} note={texts.note}>
      <div class="stack">
        <div class="export-form">
          <div class="field">
            <label for={whichId}>{texts.which}</label>
            <select
              id={whichId}
              class="input"
              value={which}
              onChange={(event) => setWhich(event.currentTarget.value)}
            >
              {study.best !== null && <option value="best">{texts.best(study.best.round)}</option>}
              <option value="newest">{texts.newest(study.published)}</option>
            </select>
          </div>
          <div class="field">
            <label for={formatId}>{texts.format}</label>
            <select
              id={formatId}
              class="input"
              value={format}
              onChange={(event) => setFormat(event.currentTarget.value as Format)}
            >
              {FORMATS.map((name) => (
                <option key={name} value={name}>
                  {texts.formats[name]}
                </option>
              ))}
            </select>
          </div>
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

function exportQuestion(
  study: string,
  request: ExportRequest,
  onDone: (exported: Exported) => void,
): Question {
  const texts = text.exports
  return {
    title: texts.question(study),
    consequences: texts.consequences,
    command: `tessera coordinator study export ${study}${request.best ? ' --best' : ''} --format ${request.format ?? 'safetensors'}`,
    confirm: texts.confirm,
    act: async () => onDone(await api.exportStudent(study, request)),
  }
}
