/** @file Creates a study: a form from the schema that a study's file has, and the files that go with it. */
import type { JSX } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { fieldOf, type GroupField, type Member } from '../../components/form/fields.ts'
import { GroupFields, membersOf, PartFields } from '../../components/form/schema-form.tsx'
import { faultsOf, initialValue, isValues } from '../../components/form/values.ts'
import { Panel } from '../../components/panel.tsx'
import { Empty, Failed, Loading, Message } from '../../components/states.tsx'
import { ViewHead } from '../../components/view-head.tsx'
import { useRequest } from '../../live/use-request.ts'
import { text } from '../../text/en.ts'
import { formTexts } from '../../text/study-fields.ts'
import { api } from '../api.ts'
import { createQuestion, nameOf } from '../create-question.ts'
import { useDesk } from '../desk.ts'
import { FileField } from '../file-field.tsx'
import { isOnnxFile, ONNX_FIELDS, onnxHints } from '../onnx-hints.ts'
import { links } from '../route.ts'
import { saveText } from '../save.ts'
import { studyFaults } from '../study-faults.ts'
import { FILLED_IN, type StudyFiles } from '../study-to-send.ts'

export function NewStudyView(): JSX.Element {
  const { session } = useDesk()
  const schema = useRequest('schema', 0, async (signal) => await api.studySchema(signal))
  const field = useMemo(() => (schema.value === null ? null : fieldOf(schema.value)), [schema.value])
  const texts = text.newStudy
  return (
    <>
      <ViewHead
        title={texts.title}
        crumb={<a href={links.overview}>{text.nav.overview}</a>}
        note={texts.note}
      />
      {session.role !== 'operator' && <Empty title={texts.viewer} icon="info" />}
      {schema.state === 'failed' && (
        <Failed title={text.states.failed}>
          <p>{schema.message}</p>
        </Failed>
      )}
      {session.role === 'operator' && schema.state === 'loading' && <Loading label={text.states.loading} />}
      {session.role === 'operator' && field?.kind === 'group' && <StudyForm field={field} />}
    </>
  )
}

function StudyForm({ field }: { readonly field: GroupField }): JSX.Element {
  const desk = useDesk()
  const [value, setValue] = useState<unknown>(() => initialValue(field))
  const [files, setFiles] = useState<StudyFiles>({ teacher: null, student: null })
  const [onnx, setOnnx] = useState<unknown>({})
  const [faults, setFaults] = useState<ReadonlyMap<string, string>>(new Map())
  const texts = text.newStudy
  const [plain, parts] = useMemo(() => divided(field.members), [field])
  const form = { path: '', value, faults, texts: formTexts, omit: FILLED_IN, onChange: setValue }
  const study = isValues(value) ? value : {}

  const check = (): void => {
    const found = studyFaults(field, study, files)
    const hints = isOnnxFile(files.teacher) ? onnxHints(onnx) : undefined
    for (const [path, fault] of faultsOf(ONNX_FIELDS, hints, text.form, 'onnx')) found.set(path, fault)
    setFaults(found)
    if (found.size === 0) desk.ask(createQuestion({ study, files, hints }, desk.notices))
  }
  return (
    <form
      class="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        check()
      }}
    >
      <Panel title={texts.basics}>
        <GroupFields {...form} members={plain} />
      </Panel>
      {membersOf({ ...form, members: field.members })
        .filter((member) => parts.includes(member.key))
        .map((member) => (
          <Panel key={member.path} title={formTexts.label(member.path)}>
            <PartFields {...member} />
          </Panel>
        ))}
      <Panel title={texts.files} note={texts.filesNote}>
        <div class="form-grid">
          <FileField
            label={texts.teacher}
            hint={texts.teacherHint}
            fault={faults.get('teacher')}
            onFile={(teacher) => setFiles({ ...files, teacher })}
          />
          <FileField
            label={texts.student}
            hint={texts.studentHint}
            fault={undefined}
            onFile={(student) => setFiles({ ...files, student })}
          />
        </div>
      </Panel>
      {isOnnxFile(files.teacher) && (
        <Panel title={texts.onnx} note={texts.onnxNote}>
          <GroupFields {...form} path="onnx" value={onnx} onChange={setOnnx} members={ONNX_FIELDS.members} />
        </Panel>
      )}
      {faults.size > 0 && (
        <Message tone="alarm">
          {texts.faults(faults.size)}
          <ul class="dialog-list">
            {[...faults].map(([path, fault]) => (
              <li key={path}>
                {formTexts.label(path)}: {fault}
              </li>
            ))}
          </ul>
        </Message>
      )}
      <div class="actions">
        <button type="submit" class="button button--primary">
          {texts.create}
        </button>
        <button
          type="button"
          class="button"
          onClick={() => saveText(texts.fileName(nameOf(study)), JSON.stringify(value, null, 2))}
        >
          {texts.save}
        </button>
      </div>
    </form>
  )
}

/** Plain fields stand together at the top; each part has a panel of its own. */
function divided(members: readonly Member[]): [plain: Member[], parts: string[]] {
  const isPart = ({ field }: Member): boolean => field.kind === 'group' || field.kind === 'union'
  return [members.filter((member) => !isPart(member)), members.filter(isPart).map(({ key }) => key)]
}
