import type { JournalFact, JournalOrder } from '../../machines/messages.ts'
import type { Journal } from '../log/journal.ts'
import { orderly, toReason } from './orderly.ts'

export interface JournalOptions {
  /** Opens all logs; `failed` is called when one can no longer be written, which ends the node. */
  readonly open: (failed: (error: unknown) => void) => Promise<Journal>
  /** Returns what ends all that works on the logs by itself; awaited before they are closed. */
  readonly opened: (journal: Journal) => () => Promise<void>
}

/** Opens the logs of a node, keeps them, closes them. A log that fails ends the node: it never goes on half blind. */
export const journalLogic = ({ open, opened }: JournalOptions) =>
  orderly<JournalOrder, JournalFact>(
    (reason) => ({ type: 'journal.failed', reason }),
    async (scope) => {
      let quiesce = () => Promise.resolve()
      const opening = open((error) => scope.tell({ type: 'journal.failed', reason: toReason(error) }))
      const close = async (journal: Journal) => {
        await quiesce()
        await journal.close()
      }
      // At once: the order to close may come while the logs are still being opened.
      scope.receive(() =>
        scope.run(async () => {
          await close(await opening)
          scope.tell({ type: 'journal.closed' })
        }),
      )
      const journal = await opening
      // At a sudden end there is nobody left to hear of a failure to close.
      scope.own(() => void close(journal).catch(() => {}))
      if (scope.ended) return
      quiesce = opened(journal)
      scope.tell({ type: 'journal.opened' })
    },
  )
