/** @file Every limit of the wire, with its reason. */

/** Largest Socket.IO frame: one chunk and its envelope, with room for a study of a thousand classes. */
export const MAX_FRAME_BYTES = 2 * 1024 * 1024
/** Largest body the transport takes, for Socket.IO's `maxHttpBufferSize`: long polling sends a frame in base64, 4/3 its size. What is larger is cut off unread. */
export const MAX_TRANSPORT_BYTES = 3 * 1024 * 1024
/** Most values in one frame, maps and lists counted: the largest message has 20, and a hostile frame of 2 MiB could hold two million. */
export const MAX_FRAME_VALUES = 1024
/** Deepest nesting of a frame: packet, arguments, message and its parts are 4. */
export const MAX_FRAME_DEPTH = 16
/** Frames that a connection may send at once: teacher, student and delta of the largest size are 6,144 chunks, asked for or sent one a frame, and the rest is for what goes with them. */
export const BURST_FRAMES = 8_192
/** Frames a second after that: so many chunks are 4 Gbit/s, more than a hospital's line carries, and a frame costs its reader some 20 µs. */
export const FRAMES_PER_SECOND = 1_000
/** Frames that may wait for a peer that does not read: an honest site has 8 chunks and some answers under way, two a second while a line stalls for a minute. */
export const MAX_UNREAD_FRAMES = 256
/** One chunk of a model or a delta. Small enough that a 4 Mbit/s link shows progress every second, large enough that acknowledgements cost little. */
export const CHUNK_BYTES = 512 * 1024
/** Chunks that one end may have under way unanswered: 4 MiB keep 100 Mbit/s busy over 300 ms, and are what a cut costs at most. */
export const WINDOW_CHUNKS = 8
/**
 * How long a connection may stay without an answer while one is owed; every answer begins it anew. A busy coordinator may be averaging for
 * seconds, and one chunk takes 43 s at 100 kbit/s.
 */
export const PROGRESS_TIMEOUT_MS = 60_000
/** Largest model or delta: EfficientNet-B7 in float32 is 266 MB; anything above 1 GiB is a mistake or an attack. */
export const MAX_MODEL_BYTES = 1024 * 1024 * 1024
/** Most chunks of a model or a delta: {@link MAX_MODEL_BYTES} in chunks. */
export const MAX_CHUNKS: number = MAX_MODEL_BYTES / CHUNK_BYTES
/** Largest list of chunks: a SHA-256, 32 bytes, for each of {@link MAX_CHUNKS}. */
export const MAX_CHUNK_LIST_BYTES: number = MAX_CHUNKS * 32
/** Largest signed text: a plan of a thousand classes with long names, or a record of a thousand sites. Half a frame. */
export const MAX_TOKEN_CHARACTERS = 1024 * 1024
/** Most sites a round may have: a record with as many contributors, and as many judgements, is about 700,000 characters, two thirds of a signed text. */
export const MAX_SITES = 1_000
/** Most studies of one coordinator: more would make a change of its key larger than a quarter of a signed text. */
export const MAX_STUDIES = 1_000
/** Most changes of a coordinator's key that a site follows at once: one a month for ten years. */
export const MAX_KEY_CHANGES = 120
/** Most classes of a study: ImageNet has 1,000. */
export const MAX_CLASSES = 1_000
/** Most classes of a study whose students are judged: a matrix of 64 × 64 counts is a page that people can still read. */
export const MAX_JUDGED_CLASSES = 64
/** Largest signed judgement: 4,096 counts of up to 10 digits in base64 are 60,000 characters. */
export const MAX_JUDGEMENT_CHARACTERS: number = 64 * 1024
/** A site's claim of tiles in one round. 2³¹ tiles of 256 px are 400 TB: no site has them. */
export const MAX_SAMPLES = 2 ** 31
/** Widest features of an ONNX teacher: the projection head has D² weights, at 8,192 a quarter of a gigabyte. */
export const MAX_FEATURE_WIDTH = 8_192
/** Most times its deadline that a round may last. Each deadline that moves is an event of the log: two at most for each time. */
export const MAX_STRETCH = 1_000
/** Oldest update that may still count, in rounds: beyond it its weight is below a tenth, and its base is another model. */
export const MAX_STALENESS = 100
