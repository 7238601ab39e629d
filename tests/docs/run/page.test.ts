import { describe, expect, test } from 'vitest'
import { readPage } from './page.ts'
import { missingLine } from './run-page.ts'

const block = (code: string, kind = 'sh'): string => `\n\`\`\`${kind}\n${code}\n\`\`\`\n`

describe('readPage()', () => {
  test('finds the commands of sh blocks with their lines; remarks and other blocks are none', () => {
    const { steps } = readPage(
      `# A page\n${block('ls   # look\n\n# a remark\necho a \\\n  b')}${block('x', 'json')}`,
    )
    expect(steps.flatMap(({ commands }) => commands.map(({ text, line }) => [line, text]))).toEqual([
      [4, 'ls   # look'],
      [7, 'echo a \\\n  b'],
    ])
  })
  test('takes a here-document as one command', () => {
    const { steps } = readPage(block("cat > a <<'END'\n# not a remark\nEND\nls"))
    expect(steps[0]?.commands.map(({ text }) => text)).toEqual(["cat > a <<'END'\n# not a remark\nEND", 'ls'])
  })
  test('does as a comment says with the commands that it names, and with no other', () => {
    const page = `<!-- run: with tiles, study -->
<!-- run: skip "sudo": nobody is asked here
background "serve" until "listens"
add "--quick" to "train": it takes an hour
put "here" for "/srv": a folder of the machine -->
${block('sudo ls\nserve\ntrain /srv # for a day\nls')}`
    const { fixtures, steps, skipped } = readPage(page)
    expect(fixtures).toEqual(['tiles', 'study'])
    expect(skipped).toEqual([{ line: 8, reason: 'nobody is asked here' }])
    expect(steps[0]?.commands).toEqual([
      { text: 'sudo ls', line: 8, isSkipped: true, runs: 'sudo ls', readyAt: null },
      { text: 'serve', line: 9, isSkipped: false, runs: 'serve', readyAt: 'listens' },
      {
        text: 'train /srv # for a day',
        line: 10,
        isSkipped: false,
        runs: 'train here --quick # for a day',
        readyAt: null,
      },
      { text: 'ls', line: 11, isSkipped: false, runs: 'ls', readyAt: null },
    ])
  })
  test('runs what a hidden comment holds', () => {
    expect(readPage('<!-- run: hidden\nls\n-->').steps[0]?.commands[0]?.text).toBe('ls')
  })
  test.each([
    ['a direction that is not known', `<!-- run: hope -->${block('ls')}`],
    ['a skipped block without a reason', `<!-- run: skip: no -->${block('ls')}`],
    ['a command that is not there', `<!-- run: background "serve" until "x" -->${block('ls')}`],
    ['a direction without a block', '<!-- run: skip: for a good reason -->'],
    ['a command that would change the project', block('npm ci')],
    ['a command without an end', block("cat <<'END'")],
  ])('refuses %s', (_, page) => {
    expect(() => readPage(page)).toThrow(/must/)
  })
})

describe('missingLine()', () => {
  test('takes other numbers, other spaces, and anything for an ellipsis', () => {
    const printed = 'round 12:  64 samples, 3.9 s\n  north  joined as f4c4\n'
    expect(missingLine(['round 1: 5 samples, 20.1 s', 'north joined as …'], printed)).toBeNull()
  })
  test('tells the first line that is not there, or not in this order', () => {
    expect(missingLine(['a', 'c'], 'a\nb\n')).toBe('c')
    expect(missingLine(['b', 'a'], 'a\nb\n')).toBe('a')
  })
})
