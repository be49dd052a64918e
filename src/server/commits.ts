import type { Journal, LogView } from '../log/journal.ts'

/** Commits by topic: readers of other topics cost a commit nothing. Lives as long as the journal. */
export interface Commits {
  /** Calls the listener after each commit to a log of the topic. Returns what unsubscribes. */
  on(topic: string, listener: (log: LogView) => void): () => void
}

export function createCommits(journal: Journal): Commits {
  const byTopic = new Map<string, Set<(log: LogView) => void>>()
  journal.onCommit((log) => {
    for (const listener of byTopic.get(log.id.topic) ?? []) listener(log)
  })
  return {
    on(topic, listener) {
      const listeners = byTopic.get(topic) ?? new Set()
      byTopic.set(topic, listeners)
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0) byTopic.delete(topic)
      }
    },
  }
}
