/** @file The policy.yaml that enrolment leaves for hospital IT to read, change and sign: each rule with what it means. */

export interface PolicyTextOptions {
  readonly site: string
  /** Fingerprint of the coordinator of the enrolment kit. */
  readonly coordinator: string
  /** IANA name of the machine's time zone. */
  readonly timeZone: string
}

/** Returns the text. Its values are the defaults; a test holds them valid. */
export function policyText({ site, coordinator, timeZone }: PolicyTextOptions): string {
  return `# What this site lets its Tessera agent send, and when. The agent's gate enforces it; nothing else decides what leaves.
# Read it, change what you want, then sign it:  tessera site policy sign
# Without a signature, or after a change, \`tessera site start\` refuses to start. A running agent goes by a change from the next round after it was signed.
version: 1
site: ${site}

# Studies that this site takes part in: their names, or any. (Any: whoever types \`tessera site start --study\` decides.)
#   studies: [colon, lymph-node]
studies: any

# Coordinators, by the fingerprint of their public key. Compare it by phone with the one that the operator reads out.
coordinators:
  - ${coordinator}

# Teacher models that may be run here, by the SHA-256 of their file, or any. (A model is data: it cannot run code.)
#   teachers: ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]
teachers: any

# Batch-norm statistics are means and variances of features over this site's tiles. true: they leave as part of the delta;
# false: studies that need them are refused.
statisticsMayLeave: true

# A site with fewer tiles than this takes no part in a round, because the number of its tiles goes with every update. Means over fewer tiles, and
# counts of fewer right or wrong answers, are withheld. (10: the usual least cell of health statistics.)
smallestSampleCount: 10

# When a class has some tiles here, but fewer than this, losses and right answers are withheld. (5: a mean is then not about one or two patients' tiles.)
smallestClassCount: 5

# A study may have each site score the common student, after some rounds, on tiles that this site does not train on. counts: how many tiles of each
# class it calls each class may leave, a table; classes of fewer tiles than smallestClassCount are left out of it, and none leaves over fewer tiles than
# smallestSampleCount. A cell of the table may be small all the same, even 1: it counts mistakes of the student. withheld: no table leaves.
judging: counts

# Bytes of updates that may leave for one round, and on one day, repeated parts after a cut line included. The sizes of all frames count, as \`tessera site audit\` shows them.
# (A round of EfficientNet-B0 is 16 MB, of B7 266 MB.)
largestUpload:
  roundBytes: 600000000
  dayBytes: 10000000000

# Largest L2 norm of an update's trainable tensors. The agent scales a larger one down to it before sending. none, or a number.
normClip: none

# The time zone of \`hours\` below, and of the days that limits are counted by.
timeZone: ${timeZone}

# When anything of a study may be sent or fetched: always, or windows. A window whose end is before its start ends on the next day.
#   hours:
#     - { days: [mon, tue, wed, thu, fri], from: "18:00", to: "06:00" }
#     - { days: [sat, sun], from: "00:00", to: "24:00" }
hours: always

# each-round: a trained update waits until a person here says \`tessera site approve ROUND\`. none: it is sent at once.
approval: none

# Rounds whose updates may leave on one day.
roundsPerDay: 200
`
}
