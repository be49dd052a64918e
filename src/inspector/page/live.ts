/**
 * The records of a running cluster, as the node sends them: server-sent events, resumed by the browser where they broke
 * off. Owns the connection; knows nothing of what the records mean.
 */

import type { TraceRecord } from '../record.ts'

export type Liveness = 'connecting' | 'live' | 'broken' | 'closed'

export interface LiveCalls {
  /** In their order; a batch at a time, so that thousands cost one drawing. */
  readonly records: (records: readonly TraceRecord[]) => void
  /** `closed`: this session may not see it any more, or there are too many pages; nothing comes again by itself. */
  readonly liveness: (state: Liveness) => void
}

/** So long records are gathered; those of the first moment, the past of all nodes, longer. */
const laterMs = 50
const firstMs = 250

/** Returns what ends it. */
export function followLive({ records, liveness }: LiveCalls): () => void {
  const source = new EventSource('events')
  let waiting: TraceRecord[] = []
  let isFirst = true
  let timer: ReturnType<typeof setTimeout> | undefined
  liveness('connecting')
  source.addEventListener('open', () => liveness('live'))
  source.addEventListener('error', () => liveness(source.readyState === EventSource.CLOSED ? 'closed' : 'broken'))
  source.addEventListener('message', ({ data }: MessageEvent<string>) => {
    if (waiting.push(JSON.parse(data) as TraceRecord) > 1) return
    timer = setTimeout(
      () => {
        const batch = waiting
        waiting = []
        isFirst = false
        records(batch)
      },
      isFirst ? firstMs : laterMs,
    )
  })
  return () => {
    source.close()
    // What waits is of a story that is not told any more.
    clearTimeout(timer)
  }
}
