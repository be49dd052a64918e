import type { LogId } from '../log/log-id.ts'
import { type Assignment, assignLogs, nothingAssigned, sameLogs } from './assignment.ts'
import type { Directory } from './directory.ts'

/** What is assigned to whom at present, decided from what the peers hold and what we have. */
export class Assignments {
  readonly #directory: Directory
  readonly #epoch: string
  readonly #endOf: (id: LogId) => number
  #current: Assignment = nothingAssigned

  constructor(directory: Directory, epoch: string, endOf: (id: LogId) => number) {
    this.#directory = directory
    this.#epoch = epoch
    this.#endOf = endOf
  }

  get current(): Assignment {
    return this.#current
  }

  /** Decides anew; true for a peer whose share changed. */
  decide(): (peer: string) => boolean {
    const before = this.#current
    const now = assignLogs({ directory: this.#directory, epoch: this.#epoch, endOf: this.#endOf, before })
    this.#current = now
    return (peer) => !sameLogs(before.get(peer), now.get(peer))
  }
}
