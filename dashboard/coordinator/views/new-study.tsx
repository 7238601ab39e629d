/** @file Creates a study: a form from the schema that a study's file has, and the files that go with it. */
import type { NewStudy } from '@tessera/shared/dashboard/coordinator-api'
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
import { useDesk } from '../desk.ts'
import { FileField } from '../file-field.tsx'
import { links } from '../route.ts'
import { saveText } from '../save.ts'
import { FILLED_IN, type StudyFiles, studyToSend } from '../study-to-send.ts'

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
  const [faults, setFaults] = useState<ReadonlyMap<string, string>>(new Map())
  const texts = text.newStudy
  const [plain, parts] = useMemo(() => divided(field.members), [field])
  const form = { path: '', value, faults, texts: formTexts, omit: FILLED_IN, onChange: setValue }
  const study = isValues(value) ? value : {}

  const check = (): void => {
    const all = [...faultsOf(field, value, text.form)].filter(([path]) => !FILLED_IN.has(path))
    const found = new Map(all)
    if (study.teacher !== undefined && files.teacher === null) found.set('teacher', texts.teacherFile)
    setFaults(found)
    if (found.size === 0) desk.ask(createQuestion(study, files, desk.notices))
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

const nameOf = ({ id }: Readonly<Record<string, unknown>>): string => (typeof id === 'string' ? id : '')

/** Plain fields stand together at the top; each part has a panel of its own. */
function divided(members: readonly Member[]): [plain: Member[], parts: string[]] {
  const isPart = ({ field }: Member): boolean => field.kind === 'group' || field.kind === 'union'
  return [members.filter((member) => !isPart(member)), members.filter(isPart).map(({ key }) => key)]
}

function createQuestion(
  study: Readonly<Record<string, unknown>>,
  files: StudyFiles,
  notices: ReturnType<typeof useDesk>['notices'],
): Parameters<ReturnType<typeof useDesk>['ask']>[0] {
  const texts = text.newStudy
  const id = nameOf(study)
  const teacher = files.teacher === null ? '' : ` --teacher ${files.teacher.name}`
  return {
    title: texts.question(id),
    consequences: texts.consequences,
    command: `tessera coordinator study create ${texts.fileName(id)}${teacher}${files.student === null ? '' : ` --student ${files.student.name}`}`,
    confirm: texts.create,
    act: async () => {
      const uploads: Pick<NewStudy, 'teacher' | 'student'> = {
        ...(files.teacher && { teacher: (await api.upload(files.teacher)).upload }),
        ...(files.student && { student: (await api.upload(files.student)).upload }),
      }
      const { study: created, warnings } = await api.createStudy({ ...studyToSend(study, files), ...uploads })
      notices.tell('ok', texts.done(created))
      for (const warning of warnings) notices.tell('warn', warning)
      window.location.hash = links.study(created)
    },
  }
}
