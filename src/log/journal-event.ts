/** What the node should know of its logs; `log` is a log key. */
export type JournalEvent =
  /** A frame that was being written when the node went down was cut off; it was never visible. */
  | { readonly kind: 'tailCut'; readonly log: string; readonly end: number; readonly cutBytes: number }
  /** Damage was found at opening: what lies from `end` on was set aside in `folder`: what is damaged is pulled from a peer. */
  | { readonly kind: 'damaged'; readonly log: string; readonly end: number; readonly folder: string }
  /** What was missing before frames in `folder` is there again: these, too; `bytes` of both. */
  | { readonly kind: 'takenBack'; readonly log: string; readonly folder: string; readonly bytes: number }
  /** The records from `start` to `end` are missing at the beginning of the log, and nobody removed them: asked of peers. */
  | { readonly kind: 'lost'; readonly log: string; readonly start: number; readonly end: number }
  /** Those who could have what was missing of it have trimmed that; the log begins at `start`. */
  | { readonly kind: 'trimmedElsewhere'; readonly log: string; readonly start: number }
  /** Damage was found by a read or a check; nothing of it is served until it is mended, or set aside at the next opening. */
  | { readonly kind: 'corrupt'; readonly log: string; readonly offset: number; readonly path: string }
  /** A segment is whole again; `bytes` of it were replaced. */
  | { readonly kind: 'mended'; readonly log: string; readonly path: string; readonly bytes: number }
  /** Nobody who can be asked has what is damaged here, or the disk does not take it; tried again later. */
  | { readonly kind: 'unmended'; readonly log: string; readonly path: string; readonly message: string }
  /** The disk refused a write for want of space; appends are tried again. Reported once until it is over. */
  | { readonly kind: 'full'; readonly log: string; readonly message: string }
  | { readonly kind: 'fullOver'; readonly log: string }
  /** The file cannot be opened for writing; appends are tried again. Reported once until it is over. */
  | { readonly kind: 'unwritable'; readonly log: string; readonly message: string }
  | { readonly kind: 'writable'; readonly log: string }
  /** The log takes no more appends in this run: what the disk holds of the last group is not known. */
  | { readonly kind: 'failed'; readonly log: string; readonly message: string }
  /** Something that is not ours lies in the data folder; it is left alone. */
  | { readonly kind: 'ignored'; readonly path: string; readonly reason: string }
  /** By retention or a deletion; `start` is where the log begins now. */
  | { readonly kind: 'trimmed'; readonly log: string; readonly start: number; readonly bytes: number }
  /** No peer had what follows `end` any more; what was held is in `folder`, or gone. */
  | {
      readonly kind: 'begunAnew'
      readonly log: string
      readonly end: number
      readonly start: number
      readonly folder: string | undefined
    }
  /** A commit listener threw. */
  | { readonly kind: 'listenerFailed'; readonly log: string; readonly message: string }
