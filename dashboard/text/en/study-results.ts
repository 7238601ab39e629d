/** @file Text of a study's results and of their export. */
import { plural } from '../../components/format.ts'

export const resultViews = {
  results: {
    round: 'Round',
    loss: 'Loss',
    lossNote: 'Mean over the tiles that were trained on',
    lossLabel: (study: string, rounds: number): string => `Loss of ${study} over ${plural(rounds, 'round')}`,
    allSites: 'All sites',
    addCurve: 'Add a site',
    removeCurve: (site: string): string => `Remove the curve of ${site}`,
    noRound: 'No round is published yet',
    noRoundNote: 'Curves begin with the first one.',
    noLoss: 'No site tells its loss',
    noLossNote: 'Their policies keep numbers that are of few tiles.',
    silent: (sites: readonly string[]): string =>
      `No loss from ${sites.join(', ')}: a site’s policy keeps means that are of few tiles.`,
    metricNote: (part: string): string => `On each site's own ${part} tiles`,
    metricLabel: (study: string, metric: string, rounds: number): string =>
      `${metric} of ${study} over ${plural(rounds, 'judged round')}`,
    allTiles: 'All tiles',
    bestSite: 'Best site',
    worstSite: 'Worst site',
    bestRound: (round: number): string => `best: ${round}`,
    bestMark: '(best)',
    which: 'Which student',
    students: {
      best: (round: number | null): string =>
        round === null ? 'Best student' : `Best student (round ${round})`,
      newest: (round: number | null): string =>
        round === null ? 'Newest' : `Newest judged (round ${round})`,
    },
    classes: 'Classes',
    classesNote: (round: number): string =>
      `Student of round ${round}; behind each share its 95 % interval (Wilson)`,
    columns: { name: 'Class', support: 'Tiles', recall: 'Recall', precision: 'Precision', f1: 'F1' },
    confusion: 'Confusion',
    confusionNote: 'Rows: true class; columns: what it was called',
    matrix: {
      caption: 'Confusion matrix of all sites',
      corner: 'True class',
      withheld: 'withheld by the sites',
    },
    withheldAll: 'No site told counts',
    notJudged: 'This study judges no students',
    notJudgedNote: 'A study with a judging part has each student tried on tiles that no site trains on.',
    noneYet: 'No student is judged yet',
    noneYetNote: 'Sites say how a student does after its round is published.',
    bySite: (round: number): string => `Student of round ${round} at each site`,
    bySiteNote: 'Counts that a policy withholds are not in it',
    site: 'Site',
    tiles: 'Tiles',
    withheld: 'Withheld',
    rowsWithheld: (rows: number): string => plural(rows, 'class', 'classes'),
    crossSite: 'Every judged student at every site',
    crossSiteNote: (metric: string): string => metric,
    all: 'All tiles',
  },
  exports: {
    title: 'Export',
    note: 'The student as a file, with its model card',
    which: 'Student',
    best: (round: number): string => `Best, of round ${round}`,
    newest: (round: number): string => `Newest, of round ${round}`,
    format: 'Format',
    formats: { safetensors: 'safetensors', onnx: 'ONNX', tfjs: 'TensorFlow.js' },
    naming: 'Names of the tensors, as in',
    button: 'Export…',
    question: (study: string): string => `Export a student of ${study}?`,
    consequences: [
      'The coordinator writes the model and its card; you can download them for an hour.',
      'Whoever has the file can use the model. Check what your consortium has agreed on.',
    ],
    confirm: 'Export',
  },
} as const
