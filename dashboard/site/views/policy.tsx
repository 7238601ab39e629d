/** @file The policy's text, what it says in words, and what each rule does; edited here and signed with the site's key. */
import type { RuleInWords, SiteView } from '@tessera/shared/dashboard/site-view'
import type { JSX } from 'preact'
import { useEffect, useId, useState } from 'preact/hooks'
import { Panel } from '../../components/panel.tsx'
import { Failed, Loading, Message } from '../../components/states.tsx'
import { ViewHead } from '../../components/view-head.tsx'
import { useRequest } from '../../live/use-request.ts'
import { text } from '../../text/site.ts'
import { api } from '../api.ts'
import { useDesk } from '../desk.ts'
import { PolicyBadge, RuleTable } from '../policy-panel.tsx'
import { signQuestion } from '../questions.tsx'

const texts = text.policy

export function PolicyView({ view }: { readonly view: SiteView }): JSX.Element {
  const { policy } = view
  // Asked for again when the file has become another.
  const fresh = `${policy.file} ${policy.sha256} ${JSON.stringify(policy.rules)}`
  const file = useRequest('policy', fresh, (signal) => api.policy(signal))
  return (
    <>
      <ViewHead
        title={texts.viewTitle}
        badges={<PolicyBadge policy={policy} />}
        note={texts.notes[policy.file]}
      />
      {file.value === null ? (
        file.state === 'failed' ? (
          <Failed title={texts.states.unreadable}>
            <p>{file.message}</p>
          </Failed>
        ) : (
          <Loading label={text.states.loading} />
        )
      ) : (
        <Editor key={file.value.sha256} onDisk={file.value} rules={policy.rules} />
      )}
      <p class="soft hashes">
        {texts.sha256}: <code>{policy.sha256}</code>
      </p>
    </>
  )
}

interface EditorProps {
  readonly onDisk: { readonly text: string; readonly sha256: string }
  /** Of the text on the disk. */
  readonly rules: readonly RuleInWords[]
}

/** Says a text in words, or what is wrong with it. */
async function readDraft(
  draft: string,
  told: (words: readonly RuleInWords[] | null, fault: string | null) => void,
): Promise<void> {
  try {
    const { rules } = await api.readPolicy(draft)
    told(rules, null)
  } catch (error) {
    told(null, error instanceof Error ? error.message : String(error))
  }
}

/** How long a writer pauses before the text is read. */
const PAUSE_MS = 400

function Editor({ onDisk, rules }: EditorProps): JSX.Element {
  const { ask, notices } = useDesk()
  const [draft, setDraft] = useState(onDisk.text)
  const [read, setRead] = useState<readonly RuleInWords[]>(rules)
  const [fault, setFault] = useState<string | null>(null)
  const [textId, hintId] = [useId(), useId()]
  const isChanged = draft !== onDisk.text
  useEffect(() => {
    if (!isChanged) {
      setRead(rules)
      setFault(null)
      return undefined
    }
    let isOld = false
    const timer = window.setTimeout(() => {
      void readDraft(draft, (words, wrong) => {
        if (isOld) return
        if (words !== null) setRead(words)
        setFault(wrong)
      })
    }, PAUSE_MS)
    return () => {
      isOld = true
      window.clearTimeout(timer)
    }
  }, [draft, isChanged, rules])

  const sign = (): void => {
    if (fault !== null) return
    ask(signQuestion({ text: draft, previous: onDisk.sha256 }, { notices }, () => undefined))
  }
  return (
    <div class="columns columns--wide">
      <Panel
        title={texts.text}
        note={texts.textHint}
        actions={
          <>
            <button
              type="button"
              class="button button--small"
              aria-disabled={!isChanged}
              onClick={() => setDraft(onDisk.text)}
            >
              {texts.reset}
            </button>
            <button
              type="button"
              class="button button--small button--primary"
              aria-disabled={fault !== null}
              onClick={sign}
            >
              {texts.sign}
            </button>
          </>
        }
      >
        <div class="stack">
          <label class="visually-hidden" for={textId}>
            {texts.text}
          </label>
          <textarea
            id={textId}
            class="input input--code policy-text"
            spellcheck={false}
            rows={30}
            value={draft}
            aria-invalid={fault !== null}
            aria-describedby={hintId}
            onInput={(event) => setDraft(event.currentTarget.value)}
          />
          <div id={hintId}>{fault !== null && <Message tone="alarm">{fault}</Message>}</div>
        </div>
      </Panel>
      <Panel title={texts.inWords} note={isChanged ? texts.inWordsNote : texts.unchanged}>
        <RuleTable rules={read} before={rules} isExplained />
      </Panel>
    </div>
  )
}
