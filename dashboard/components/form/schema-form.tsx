/** @file Fields of a form from its schema; labels and explanations come from the caller's text, by the field's path. */
import type { JSX } from 'preact'
import { useId } from 'preact/hooks'
import type { Field, Member, UnionField } from './fields.ts'
import { PlainField } from './plain-field.tsx'
import { initialValue, isValues, joinPath, variantIndex } from './values.ts'

export interface FormTexts {
  readonly label: (path: string) => string
  readonly hint: (path: string) => string | undefined
  readonly variant: (path: string, label: string) => string
  readonly include: (label: string) => string
  readonly notSet: string
  readonly onePerLine: string
}

export interface FormProps {
  readonly value: unknown
  readonly faults: ReadonlyMap<string, string>
  readonly texts: FormTexts
  readonly onChange: (value: unknown) => void
  /** Fields that are not asked for here: their paths. */
  readonly omit: ReadonlySet<string>
}

type GroupProps = FormProps & { readonly members: readonly Member[]; readonly path: string }

/** The members of a group, side by side. */
export function GroupFields({ members, path, ...props }: GroupProps): JSX.Element {
  return (
    <div class="form-grid">
      {membersOf({ members, path, ...props }).map((member) =>
        member.field.kind === 'group' || isOptionalUnion(member) ? (
          <fieldset class="group form-wide" key={member.path}>
            <legend>{props.texts.label(member.path)}</legend>
            <PartFields {...member} />
          </fieldset>
        ) : member.field.kind === 'union' ? (
          <UnionFields {...member} key={member.path} field={member.field} />
        ) : (
          <PlainField {...member} key={member.path} optional={isOptional(member)} />
        ),
      )}
    </div>
  )
}

/** A member with its place in the form. */
export type PlacedMember = FormProps & Member & { readonly path: string }

/** Those of a group that are asked for, each with its value and what becomes of a new one. */
export function membersOf({ members, path, ...props }: GroupProps): PlacedMember[] {
  const values = isValues(props.value) ? props.value : {}
  const put = (key: string, value: unknown): void => {
    const { [key]: _, ...others } = values
    // Replaced in its place: the value reads like the form.
    props.onChange(value === undefined ? others : { ...values, [key]: value })
  }
  return members
    .map((member) => ({
      ...props,
      ...member,
      path: joinPath(path, member.key),
      value: values[member.key],
      onChange: (value: unknown) => put(member.key, value),
    }))
    .filter(
      (member) => !props.omit.has(member.path) && !(member.field.kind === 'constant' && member.required),
    )
}

/** What stands in the frame of a group: whether it is there at all, where that is a choice, and its members. */
export function PartFields(part: PlacedMember): JSX.Element {
  const { field, path, value, texts, onChange } = part
  const hint = texts.hint(path)
  return (
    <div class="stack">
      {hint && <p class="field-hint">{hint}</p>}
      {isOptional(part) && (
        <label class="check">
          <input
            type="checkbox"
            checked={value !== undefined}
            onChange={(event) => onChange(event.currentTarget.checked ? initialValue(field) : undefined)}
          />
          {texts.include(texts.label(path))}
        </label>
      )}
      {(!isOptional(part) || value !== undefined) && <FieldContent {...part} />}
    </div>
  )
}

const isOptional = ({ required, initial }: Member): boolean => !required && initial === undefined
const isOptionalUnion = (member: Member): boolean => member.field.kind === 'union' && isOptional(member)

type ContentProps = FormProps & { readonly field: Field; readonly path: string }

function FieldContent({ field, ...props }: ContentProps): JSX.Element | null {
  if (field.kind === 'group') return <GroupFields {...props} members={field.members} />
  if (field.kind === 'constant') return null
  return (
    <div class="form-grid">
      {field.kind === 'union' ? (
        <UnionFields {...props} field={field} />
      ) : (
        <PlainField {...props} field={field} optional={false} />
      )}
    </div>
  )
}

/** The choice of a variant, in the grid as any field, and its own fields in a frame behind it, when it has any. */
function UnionFields(props: FormProps & { readonly field: UnionField; readonly path: string }): JSX.Element {
  const { field, path, texts, value, onChange } = props
  const [id, hintId] = [useId(), useId()]
  const index = variantIndex(field, value)
  const variant = field.variants[index]
  const hint = texts.hint(path)
  const choose = (chosen: number): void => {
    const next = field.variants[chosen]
    if (next !== undefined) onChange(initialValue(next.field))
  }
  return (
    <>
      <div class="field">
        <label for={id}>{texts.label(path)}</label>
        <select
          id={id}
          class="input"
          value={String(index)}
          aria-describedby={hint === undefined ? undefined : hintId}
          onChange={(event) => choose(Number(event.currentTarget.value))}
        >
          {field.variants.map(({ label }, i) => (
            <option key={label} value={String(i)}>
              {texts.variant(path, label)}
            </option>
          ))}
        </select>
        {hint && (
          <span class="field-hint" id={hintId}>
            {hint}
          </span>
        )}
      </div>
      {variant !== undefined && hasFields(variant.field) && (
        <fieldset class="group form-wide" key={index}>
          <legend>
            {texts.label(path)}: {texts.variant(path, variant.label)}
          </legend>
          <FieldContent {...props} field={variant.field} />
        </fieldset>
      )}
    </>
  )
}

function hasFields(field: Field): boolean {
  if (field.kind === 'group') return field.members.some((member) => member.field.kind !== 'constant')
  return field.kind !== 'constant'
}
