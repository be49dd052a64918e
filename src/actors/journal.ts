import type { JournalFact, JournalOrder } from '../../machines/messages.ts'
import type { Journal } from '../log/journal.ts'
import { orderly, toReason } from './orderly.ts'

export interface JournalOptions {
  /** Opens all logs; `failed` is called when one can no longer be written, which ends the node. */
  readonly open: (failed: (error: unknown) => void) => Promise<Journal>
  readonly opened: (journal: Journal) => void
}

/** Opens the logs of a node, keeps them, closes them. A log that fails ends the node: it never goes on half blind. */
export const journalLogic = ({ open, opened }: JournalOptions) =>
  orderly<JournalOrder, JournalFact>(
    (reason) => ({ type: 'journal.failed', reason }),
    async (scope) => {
      const journal = await open((error) => scope.tell({ type: 'journal.failed', reason: toReason(error) }))
      let closing: Promise<void> | undefined
      const close = () => {
        closing ??= journal.close()
        return closing
      }
      // At a sudden end there is nobody left to hear of a failure to close.
      scope.own(() => void close().catch(() => {}))
      if (scope.ended) return
      opened(journal)
      scope.receive(() =>
        scope.run(async () => {
          await close()
          scope.tell({ type: 'journal.closed' })
        }),
      )
      scope.tell({ type: 'journal.opened' })
    },
  )
